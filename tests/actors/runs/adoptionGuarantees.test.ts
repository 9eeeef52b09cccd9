/** What becomes of runs whose executor is lost (G7), on replicas as they are, over a simulated clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { SimProcess } from '../../../harness/sim/process.ts';
import { SimCluster } from '../../support/simCluster.ts';
import { ADOPTED_WITHIN_MS, assertNoneOpen, executionsOf, lostWithOneRun } from './adoptionScenario.ts';

const NEVER = new Promise<never>(() => {});

describe('the runs of a leader that crashed', () => {
  it('are executed by another, as the second attempt, under the same id', async () => {
    const { cluster, run, stored } = await lostWithOneRun();
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const { state, attempt, executor, id } = await stored();
    assert.deepEqual([state, attempt, id], ['succeeded', 2, run.id]);
    assert.deepEqual(executionsOf(cluster, run), [`2 ${executor}`]);
    await assertNoneOpen(cluster);
  });

  it('are left alone until it is sure that it is dead', async () => {
    const { cluster, stored } = await lostWithOneRun();
    await cluster.clock.advance(DEAD_AFTER_MS);
    assert.equal((await stored()).attempt, 1);
  });

  it('are abandoned when the policy says so', async () => {
    const { cluster, run, stored } = await lostWithOneRun('abandon');
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const { state, attempt, reason, finished_at } = await stored();
    assert.deepEqual([state, attempt, reason], ['abandoned', 1, 'executor_lost']);
    assert.ok(finished_at && finished_at.getTime() > run.claimed_at.getTime() + DEAD_AFTER_MS);
    assert.deepEqual(executionsOf(cluster, run), []);
    await assertNoneOpen(cluster);
  });

  it('are abandoned when their schedule was deleted meanwhile', async () => {
    const { cluster, run, stored } = await lostWithOneRun();
    await cluster.user.schedules.remove('s');
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const { state, reason } = await stored();
    assert.deepEqual([state, reason, executionsOf(cluster, run)], ['abandoned', 'schedule_gone', []]);
  });

  it('are adopted again, as the third attempt, when the adopter crashes as well', async () => {
    const { cluster, old, run, stored } = await lostWithOneRun();
    const adopters: SimProcess[] = [];
    for (const replica of cluster.replicas) {
      if (replica === old) continue;
      replica.link.trouble = async (op, run) => {
        const answer = await run();
        if (op !== 'runs.adopt' || adopters.length > 0) return answer;
        adopters.push(replica);
        replica.crash();
        return await NEVER;
      };
    }
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const [second] = adopters;
    assert.deepEqual([(await stored()).attempt, (await stored()).executor], [2, second?.id]);
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const { state, attempt, executor } = await stored();
    assert.deepEqual([state, attempt], ['succeeded', 3]);
    assert.deepEqual(executionsOf(cluster, run), [`3 ${executor}`]);
    await assertNoneOpen(cluster);
  });

  for (const happened of [true, false]) {
    it(`are executed once when the adoption ${happened ? 'was made' : 'was not made'} and got no answer`, async () => {
      const { cluster, old, run, stored } = await lostWithOneRun();
      let lost = 0;
      for (const replica of cluster.replicas) {
        if (replica === old) continue;
        replica.link.trouble = async (op, run) => {
          if (op !== 'runs.adopt' || lost === 3) return await run();
          lost++;
          if (happened) await run();
          throw new StoreUnavailable('the answer is lost');
        };
      }
      await cluster.clock.advance(ADOPTED_WITHIN_MS + 1000);
      assert.equal(lost, 3);
      const { state, attempt, executor } = await stored();
      assert.deepEqual([state, attempt, executionsOf(cluster, run)], ['succeeded', 2, [`2 ${executor}`]]);
    });
  }

  it('are all executed, however many there are: more than one adoption takes', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 10);
    await cluster.clock.advance(200);
    const old = cluster.leader();
    // What it claims from here on is never ended.
    cluster.attempt = () => NEVER;
    await cluster.clock.advance(7000);
    const before = (await cluster.runs('s')).filter(({ state }) => state === 'claimed');
    assert.ok(before.length > 600, `${before.length}`);
    cluster.attempt = () => Promise.resolve();
    old.crash();
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const after = new Map((await cluster.runs('s')).map((run) => [run.id, run]));
    for (const { id } of before) {
      assert.deepEqual([after.get(id)?.state, after.get(id)?.attempt], ['succeeded', 2]);
    }
    await assertNoneOpen(cluster);
  });
});

describe('a replica that stops', () => {
  it('adopts nothing any more', async () => {
    const { cluster, old, stored } = await lostWithOneRun();
    for (const replica of cluster.replicas) {
      if (replica !== old) {
        replica.link.trouble = (op, run) => op === 'runs.orphans' ? Promise.resolve([] as never) : run();
      }
    }
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const next = cluster.replicas.find((each) => each !== old && each.role === 'leader') as SimProcess;
    const asked: string[] = [];
    next.link.trouble = (op, run) => {
      asked.push(op);
      return run();
    };
    const stopped = next.stop();
    await cluster.clock.advance(100);
    await stopped;
    assert.deepEqual(asked.filter((op) => op === 'runs.orphans' || op === 'runs.adopt'), []);
    assert.equal((await stored()).attempt, 1);
  });

  it('waits for an adoption on its way, and executes and records what is its own by it', async () => {
    const { cluster, old, stored } = await lostWithOneRun();
    let answer = () => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    let adopter: SimProcess | undefined;
    for (const replica of cluster.replicas) {
      if (replica === old) continue;
      replica.link.trouble = async (op, run) => {
        const result = await run();
        if (op !== 'runs.adopt') return result;
        adopter = replica;
        await held;
        return result;
      };
    }
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    assert.deepEqual([(await stored()).state, (await stored()).executor], ['claimed', adopter?.id]);
    const stopped = adopter?.stop();
    await cluster.clock.advance(500);
    assert.equal((await stored()).state, 'claimed');
    answer();
    await cluster.clock.advance(500);
    await stopped;
    const { state, attempt, executor } = await stored();
    assert.deepEqual([state, attempt, executor], ['succeeded', 2, adopter?.id]);
  });
});
