/** What is done to the installation, while it works. */
import { setTimeout as delay } from 'node:timers/promises';
import { ApiServerError } from '../../scripts/kube/apiServer.ts';
import { handOn } from '../../scripts/kube/hand.ts';
import { isReady, type Pod, podsPath } from '../../scripts/kube/pods.ts';
import { type Installation, type Leader, SETTLED_WITHIN_MS } from './installation.ts';

export interface Scenario {
  name: string;
  /** Resolves, with what is worth a remark, when it is done. `acted` is to be called just before the act. */
  run(at: Installation, leader: Leader, acted: () => void): Promise<string>;
}

const FREEZE_MS = 6_000;
const EVICT_AGAIN_MS = 250;
const TOO_MANY_REQUESTS = 429;
/** Of three, as their budgets say. */
const MUST_STAY_READY = 2;

const deletion = (options: object) => async (at: Installation, leader: Leader, acted: () => void) => {
  acted();
  await at.api.remove(`${podsPath(at.namespace)}/${leader.replica}`, options);
  await at.succeeded(leader);
  return '';
};

export const SCENARIOS: readonly Scenario[] = [
  { name: 'delete the leader', run: deletion({}) },
  { name: 'delete --force', run: deletion({ gracePeriodSeconds: 0 }) },
  {
    name: 'kill -9 the leader',
    async run(at, leader, acted) {
      const hand = await handOn(at.api, await podOf(at, leader));
      try {
        acted();
        await hand.signal(leader.replica, 'SIGKILL');
        await at.succeeded(leader);
        return '';
      } finally {
        await hand.close();
      }
    },
  },
  {
    name: 'freeze the leader for 6 s',
    async run(at, leader, acted) {
      const hand = await handOn(at.api, await podOf(at, leader));
      try {
        acted();
        await hand.signal(leader.replica, 'SIGSTOP');
        await delay(FREEZE_MS);
        await hand.signal(leader.replica, 'SIGCONT');
        await at.succeeded(leader);
        return '';
      } finally {
        await hand.close();
      }
    },
  },
  { name: 'rolling restart, replicas', run: rollingRestart('deployments/hascheduler') },
  { name: 'rolling restart, MongoDB', run: rollingRestart('statefulsets/mongo') },
  { name: 'drain: evict all pods', run: drain },
];

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
  if (pod === undefined) throw new Error(`${replica} leads, and is no pod`);
  return pod;
}

/**
 * As `kubectl drain` does it, on all nodes at once: evicts every pod, and asks again where a budget forbids it.
 * Rejects when a budget did not hold.
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
  const held = evicted.every(({ fewestReady, refusals }) => fewestReady >= MUST_STAY_READY && refusals > 0);
  if (!held) throw new Error(`a disruption budget did not hold: ${remark}`);
  return remark;
}

/**
 * All of them at the same time. `fewestReady` is how many others were ready when the eviction of one that was
 * ready had been granted.
 */
async function evictAll(
  at: Installation,
  pods: readonly Pod[],
  list: () => Promise<Pod[]>,
): Promise<{ refusals: number; fewestReady: number }> {
  const deadlineMs = performance.now() + SETTLED_WITHIN_MS;
  const waiting = new Set(pods);
  let refusals = 0;
  let fewestReady = pods.length;
  while (waiting.size > 0) {
    for (const pod of waiting) {
      if (!await isEvicted(at, pod)) {
        refusals++;
        continue;
      }
      waiting.delete(pod);
      const others = (await list()).filter(({ metadata: { uid } }) => uid !== pod.metadata.uid);
      fewestReady = Math.min(fewestReady, others.filter(isReady).length);
    }
    if (performance.now() > deadlineMs) throw new Error('the evictions come to no end');
    await delay(EVICT_AGAIN_MS);
  }
  return { refusals, fewestReady };
}

/** False when a budget forbids it at the moment. */
async function isEvicted(at: Installation, { metadata: { name, uid } }: Pod): Promise<boolean> {
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
