/** Finds the leader of the installation in a Kubernetes cluster, for `just kill-leader` and `just pause-leader`. */
import { systemClock } from '../../src/infra/machine/clock.ts';
import { leaderAccordingTo, type Target } from '../../src/local/takeover.ts';
import { type ApiServer, apiServer } from './apiServer.ts';
import { API_PORT, isReady, listPods, type Pod, REPLICAS, throughPod } from './pods.ts';
import { startSignalPod } from './signalPod.ts';

interface Options {
  namespace: string;
  log: (line: string) => void;
}

/** Calls `use` with the leader, and cleans up afterwards. Rejects with a sentence when there is no leader. */
export async function withKubernetesTarget(
  { namespace, log }: Options,
  use: (target: Target) => Promise<void>,
): Promise<void> {
  const api = await apiServer().catch((error: Error) => {
    throw new Error(`No Kubernetes cluster answers either: start one with \`just up\`. (${error.message})`);
  });
  try {
    const { pod } = await findLeader(api, namespace);
    log(`Starting a pod that sends signals, on the node ${pod.spec.nodeName} …`);
    const signalPod = await startSignalPod(api, pod);
    try {
      // The leader may have changed meanwhile.
      const { leadership, others } = await findLeader(api, namespace, pod.metadata.name);
      await use({
        leadership,
        process: `the first process of the pod ${pod.metadata.name}`,
        others,
        signal: async (signal) => await signalPod.signal(pod.metadata.name, signal) !== null,
      });
    } finally {
      await signalPod.close();
    }
  } finally {
    api.close();
  }
}

async function findLeader(api: ApiServer, namespace: string, expected?: string) {
  const pods = (await listPods(api, namespace, REPLICAS)).filter(isReady);
  if (pods.length === 0) {
    throw new Error(
      `No replica is ready in the namespace ${namespace}: deploy some with \`just up\` or \`just deploy\`.`,
    );
  }
  const urlOf = ({ metadata }: Pod) => `${api.url}${throughPod(namespace, metadata.name, API_PORT)}`;
  const leadership = await leaderAccordingTo(urlOf(pods[0] as Pod), systemClock());
  const pod = pods.find(({ metadata }) => metadata.name === leadership?.replica);
  if (leadership === null || pod === undefined || expected !== undefined && expected !== pod.metadata.name) {
    throw new Error('The leader is changing: try again in a second.');
  }
  if (pods.length < 2) throw new Error('Only one replica is ready: no other could take over.');
  return { leadership, pod, others: pods.filter((other) => other !== pod).map(urlOf) };
}
