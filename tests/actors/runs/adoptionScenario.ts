/** Runs whose executor is lost, on simulated clusters. */
import assert from 'node:assert/strict';
import { DEFAULT_WORK } from '../../../harness/definitions.ts';
import type { SimProcess } from '../../../harness/sim/process.ts';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { OPEN_STATES, type Run } from '../../../src/domain/runs/run.ts';
import { SimCluster } from '../../support/simCluster.ts';

/** Enough time for another replica to lead, to count the executor as dead, and to adopt its runs. */
export const ADOPTED_WITHIN_MS = 3000 + 300 + DEAD_AFTER_MS + 2000;

/** `attempt replica` of each execution of a run. */
export function executionsOf(cluster: SimCluster, { id }: Run): string[] {
  return cluster.executions.filter(({ runId }) => runId === id).map((each) =>
    `${each.attempt} ${each.replica}`
  );
}

/** Whether this call, and its answer, made runs the replica's own. */
export function isTaking(op: string, answer: unknown, { boot }: SimProcess): boolean {
  return op === 'runs.change' && (answer as Run[]).some((run) => run.executor_boot === boot);
}

/** Calls `what` when the replica's next claim is committed, and the replica does not know it yet. */
function atNextClaim(replica: SimProcess, what: () => void): void {
  replica.link.trouble = async (op, run) => {
    const answer = await run();
    if (op === 'claims.claim') {
      replica.link.trouble = null;
      what();
    }
    return answer;
  };
}

/** A schedule that fires every second, and a leader that is lost as soon as its claim of the first run is committed. */
export async function lostWithOneRun(
  policy: 'retry' | 'abandon' = 'retry',
  lose = (old: SimProcess) => old.crash(),
) {
  const cluster = await SimCluster.ofThree();
  const old = cluster.leader();
  await cluster.create('s', 1000, {
    policy: { ...DEFAULT_WORK.policy, on_executor_loss: policy },
  });
  atNextClaim(old, () => lose(old));
  await cluster.clock.advance(1100);
  const [run] = await cluster.runs('s') as [Run];
  assert.deepEqual([run.state, run.executor, executionsOf(cluster, run)], ['claimed', old.id, []]);
  return { cluster, old, run, stored: async () => await cluster.user.runs.get(run.id) as Run };
}

/** Asserts that only runs claimed a moment ago are open, and that no attempt was executed twice. */
export async function assertNoneOpen(cluster: SimCluster): Promise<void> {
  const justNowMs = cluster.clock.now() - 50;
  const open = (await cluster.runs('s')).filter(({ state, claimed_at }) =>
    OPEN_STATES.includes(state) && claimed_at.getTime() < justNowMs
  );
  assert.deepEqual(open.map(({ id }) => id), []);
  const attempts = cluster.executions.map(({ runId, attempt }) => `${runId} ${attempt}`);
  assert.equal(new Set(attempts).size, attempts.length);
}
