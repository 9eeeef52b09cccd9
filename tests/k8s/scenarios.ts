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

/** As `kubectl drain` does it, on all nodes at once: evicts, and asks again where a budget forbids it. */
async function drain(at: Installation, _leader: Leader, acted: () => void): Promise<string> {
  const pods = [...await at.replicas(), ...await at.members()];
  const fewest = { replicas: 3, members: 3 };
  const over = new AbortController();
  const counting = count(at, fewest, over.signal);
  acted();
  const refusals = await Promise.all(pods.map((pod) => evict(at, pod)));
  await at.rolledOut('deployments/hascheduler');
  await at.rolledOut('statefulsets/mongo');
  over.abort();
  await counting;
  const refused = refusals.reduce((sum, n) => sum + n, 0);
  const remark =
    `ready at least: ${fewest.replicas} replicas, ${fewest.members} members; ${refused} refusals`;
  if (fewest.replicas < MUST_STAY_READY || fewest.members < MUST_STAY_READY || refused === 0) {
    throw new Error(`the disruption budgets were not honoured: ${remark}`);
  }
  return remark;
}

/** Resolves with the number of refusals. */
async function evict(at: Installation, { metadata: { name, uid } }: Pod): Promise<number> {
  const path = `${podsPath(at.namespace)}/${name}/eviction`;
  const eviction = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: at.namespace },
    deleteOptions: { preconditions: { uid } },
  };
  const deadlineMs = performance.now() + SETTLED_WITHIN_MS;
  for (let refusals = 0;; refusals++) {
    try {
      await at.api.post(path, eviction);
      return refusals;
    } catch (error) {
      const isRefusal = error instanceof ApiServerError && error.status === TOO_MANY_REQUESTS;
      if (!isRefusal || performance.now() > deadlineMs) throw error;
    }
    await delay(EVICT_AGAIN_MS);
  }
}

async function count(
  at: Installation,
  fewest: { replicas: number; members: number },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const [replicas, members] = await Promise.all([at.replicas(), at.members()]);
    fewest.replicas = Math.min(fewest.replicas, replicas.filter(isReady).length);
    fewest.members = Math.min(fewest.members, members.filter(isReady).length);
  }
}
