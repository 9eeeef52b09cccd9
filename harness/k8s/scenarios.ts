/** How the installation is disturbed while it works. */
import { setTimeout as delay } from 'node:timers/promises';
import { ApiServerError } from '../../scripts/kube/apiServer.ts';
import { isReady, type Pod, podsPath } from '../../scripts/kube/pods.ts';
import { type SignalPod, startSignalPod } from '../../scripts/kube/signalPod.ts';
import { type Installation, type Leader, SETTLE_LIMIT_MS } from './installation.ts';

export interface Scenario {
  name: string;
  /** Resolves with a remark when it is over. Calls `acted` just before the disturbance. */
  run(at: Installation, leader: Leader, acted: () => void): Promise<string>;
}

const FREEZE_MS = 6_000;
const EVICTION_RETRY_MS = 250;
const TOO_MANY_REQUESTS = 429;
/** Of three pods, by the disruption budgets. */
const MIN_READY = 2;

const deletion = (options: object) => async (at: Installation, leader: Leader, acted: () => void) => {
  acted();
  await at.api.remove(`${podsPath(at.namespace)}/${leader.replica}`, options);
  await at.takenOver(leader);
  return '';
};

export const SCENARIOS: readonly Scenario[] = [
  { name: 'delete the leader', run: deletion({}) },
  { name: 'delete --force', run: deletion({ gracePeriodSeconds: 0 }) },
  {
    name: 'kill -9 the leader',
    run: signalling(async (signalPod, { replica }) => {
      await signalPod.signal(replica, 'SIGKILL');
    }),
  },
  {
    name: 'freeze the leader for 6 s',
    run: signalling(async (signalPod, { replica }) => {
      await signalPod.signal(replica, 'SIGSTOP');
      await delay(FREEZE_MS);
      await signalPod.signal(replica, 'SIGCONT');
    }),
  },
  { name: 'rolling restart, replicas', run: rollingRestart('deployments/hascheduler') },
  { name: 'rolling restart, MongoDB', run: rollingRestart('statefulsets/mongo') },
  { name: 'drain: evict all pods', run: drain },
];

/** Resolves when another replica leads after the signals. */
function signalling(send: (signalPod: SignalPod, leader: Leader) => Promise<void>): Scenario['run'] {
  return async (at, leader, acted) => {
    const signalPod = await startSignalPod(at.api, await podOf(at, leader));
    try {
      acted();
      await send(signalPod, leader);
      await at.takenOver(leader);
      return '';
    } finally {
      await signalPod.close();
    }
  };
}

function rollingRestart(kind: 'deployments/hascheduler' | 'statefulsets/mongo'): Scenario['run'] {
  return async (at, _leader, acted) => {
    acted();
    await at.restart(kind);
    await at.rolledOut(kind);
    return '';
  };
}

async function podOf(at: Installation, { replica }: Leader): Promise<Pod> {
  const pod = (await at.replicas()).find(({ metadata }) => metadata.name === replica);
  if (pod === undefined) throw new Error(`${replica} leads, and there is no such pod`);
  return pod;
}

/**
 * Like `kubectl drain` of all nodes at once: evicts every pod, and retries where a disruption budget refuses.
 * Rejects when a budget was not kept.
 */
async function drain(at: Installation, _leader: Leader, acted: () => void): Promise<string> {
  const [replicas, members] = await Promise.all([at.replicas(), at.members()]);
  acted();
  const evicted = await Promise.all([
    evictAll(at, replicas, () => at.replicas()),
    evictAll(at, members, () => at.members()),
  ]);
  await at.rolledOut('deployments/hascheduler');
  await at.rolledOut('statefulsets/mongo');
  const [ofReplicas, ofMembers] = evicted.map(({ fewestReady }) => fewestReady);
  const refusals = evicted.reduce((sum, each) => sum + each.refusals, 0);
  const remark = `left ready: ${ofReplicas} replicas, ${ofMembers} members; ${refusals} refusals`;
  const held = evicted.every(({ fewestReady, refusals }) => fewestReady >= MIN_READY && refusals > 0);
  if (!held) throw new Error(`a disruption budget was not kept: ${remark}`);
  return remark;
}

/** Evicts all pods at once. `fewestReady` is the least number of other ready pods right after an eviction. */
async function evictAll(
  at: Installation,
  pods: readonly Pod[],
  list: () => Promise<Pod[]>,
): Promise<{ refusals: number; fewestReady: number }> {
  const deadlineMs = performance.now() + SETTLE_LIMIT_MS;
  const waiting = new Set(pods);
  let refusals = 0;
  let fewestReady = pods.length;
  while (waiting.size > 0) {
    for (const pod of waiting) {
      if (!await evict(at, pod)) {
        refusals++;
        continue;
      }
      waiting.delete(pod);
      const others = (await list()).filter(({ metadata: { uid } }) => uid !== pod.metadata.uid);
      fewestReady = Math.min(fewestReady, others.filter(isReady).length);
    }
    if (performance.now() > deadlineMs) throw new Error('the evictions are not complete in time');
    await delay(EVICTION_RETRY_MS);
  }
  return { refusals, fewestReady };
}

/** False when a disruption budget refuses it. */
async function evict(at: Installation, { metadata: { name, uid } }: Pod): Promise<boolean> {
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: at.namespace },
    deleteOptions: { preconditions: { uid } },
  };
  try {
    await at.api.post(`${podsPath(at.namespace)}/${name}/eviction`, eviction);
    return true;
  } catch (error) {
    if (error instanceof ApiServerError && error.status === TOO_MANY_REQUESTS) return false;
    throw error;
  }
}
