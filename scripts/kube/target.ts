/** Finds the leader of the installation in a Kubernetes cluster, for `just kill-leader` and `just pause-leader`. */
import { leaderAccordingTo, type Target } from '../../src/local/takeover.ts';
import { type ApiServer, apiServer } from './apiServer.ts';
import { handOn } from './hand.ts';
import { API_PORT, isReady, listPods, type Pod, REPLICAS, throughPod } from './pods.ts';

interface Options {
  namespace: string;
  log: (line: string) => void;
}

/** Hands the leader to `use`, and cleans up after it. Rejects with a sentence when there is none to be had. */
export async function withKubernetesTarget(
  { namespace, log }: Options,
  use: (target: Target) => Promise<void>,
): Promise<void> {
  const api = await apiServer().catch((error: Error) => {
    throw new Error(`No Kubernetes cluster answers either; start one with \`just up\`. (${error.message})`);
  });
  try {
    const { pod } = await findLeader(api, namespace);
    log(`Putting a hand on the node ${pod.spec.nodeName} …`);
    const hand = await handOn(api, pod);
    try {
      // It may have changed while the hand was made.
      const { leadership, others } = await findLeader(api, namespace, pod.metadata.name);
      await use({
        leadership,
        process: `the first process of the pod ${pod.metadata.name}`,
        others,
        signal: async (signal) => await hand.signal(pod.metadata.name, signal) !== null,
      });
    } finally {
      await hand.close();
    }
  } finally {
    api.close();
  }
}

async function findLeader(api: ApiServer, namespace: string, expected?: string) {
  const pods = (await listPods(api, namespace, REPLICAS)).filter(isReady);
  if (pods.length === 0) {
    throw new Error(
      `No replica is ready in the namespace ${namespace}: \`just up\` or \`just deploy\` makes some.`,
    );
  }
  const urlOf = ({ metadata }: Pod) => `${api.url}${throughPod(namespace, metadata.name, API_PORT)}`;
  const leadership = await leaderAccordingTo(urlOf(pods[0] as Pod));
  const pod = pods.find(({ metadata }) => metadata.name === leadership?.replica);
  if (leadership === null || pod === undefined || expected !== undefined && expected !== pod.metadata.name) {
    throw new Error('The leadership is changing hands at the moment: try again in a second.');
  }
  if (pods.length < 2) throw new Error('Only one replica is ready: nobody could take over.');
  return { leadership, pod, others: pods.filter((other) => other !== pod).map(urlOf) };
}
