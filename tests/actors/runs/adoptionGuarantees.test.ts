/** What becomes of runs whose executor is lost (G7), on replicas as they are, over a simulated clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { SimProcess } from '../../../harness/sim/process.ts';
import { manualRun } from '../../../src/domain/runs/request.ts';
import { OPEN_STATES, type Run } from '../../../src/domain/runs/run.ts';
import { understood } from '../../support/schedules.ts';
import { SimCluster } from '../../support/simCluster.ts';
import {
  ADOPTED_WITHIN_MS,
  assertNoneOpen,
  executionsOf,
  isTaking,
  lostWithOneRun,
} from './adoptionScenario.ts';

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

  it('are executed by a third, as the third attempt, when the second crashes as well', async () => {
    const { cluster, old, run, stored } = await lostWithOneRun();
    const takers: SimProcess[] = [];
    for (const replica of cluster.replicas) {
      if (replica === old) continue;
      replica.link.trouble = async (op, run) => {
        const answer = await run();
        if (!isTaking(op, answer, replica) || takers.length > 0) return answer;
        takers.push(replica);
        replica.crash();
        return await NEVER;
      };
    }
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const [second] = takers;
    assert.deepEqual([(await stored()).attempt, (await stored()).executor], [2, second?.id]);
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const { state, attempt, executor } = await stored();
    assert.deepEqual([state, attempt], ['succeeded', 3]);
    assert.deepEqual(executionsOf(cluster, run), [`3 ${executor}`]);
    await assertNoneOpen(cluster);
  });

  for (const happened of [true, false]) {
    it(`are executed once when no change of them is answered, ${happened ? 'though each is made' : 'as it is not made'}`, async () => {
      const { cluster, old, run, stored } = await lostWithOneRun();
      let lost = 0;
      for (const replica of cluster.replicas) {
        if (replica === old) continue;
        replica.link.trouble = async (op, run) => {
          if (op !== 'runs.change' || lost === 5) return await run();
          lost++;
          if (happened) await run();
          throw new StoreUnavailable('the answer is lost');
        };
      }
      await cluster.clock.advance(ADOPTED_WITHIN_MS + 6000);
      assert.equal(lost, 5);
      const { state, attempt, executor } = await stored();
      assert.deepEqual([state, attempt, executionsOf(cluster, run)], ['succeeded', 2, [`2 ${executor}`]]);
    });
  }

  it('end as abandoned when they have cost three executors in a row, and are not tried again', async () => {
    const cluster = new SimCluster();
    for (const id of ['r1', 'r2', 'r3', 'r4', 'r5']) cluster.add(id);
    await cluster.clock.advance(1000);
    await cluster.create('s', 3_600_000);
    const schedule = understood(await cluster.user.schedules.get('s'));
    const run = manualRun(schedule, cluster.clock.now(), 'deadly');
    cluster.attempt = ({ id, attempt }) => {
      const { replica } = cluster.executions.find((each) => each.runId === id && each.attempt === attempt)!;
      cluster.replicas.find((each) => each.id === replica)?.crash();
      return NEVER;
    };
    await cluster.user.runs.request(run);
    await cluster.clock.advance(5 * ADOPTED_WITHIN_MS);
    const { state, reason, attempt, attempts, failures } = await cluster.user.runs.get(run.id) as Run;
    assert.deepEqual([state, reason, attempt, failures], ['abandoned', 'executor_lost', 3, 0]);
    assert.deepEqual(attempts.map((each) => [each.number, each.state]), [[1, 'lost'], [2, 'lost'], [
      3,
      'lost',
    ]]);
    assert.equal(cluster.replicas.filter(({ lives }) => lives).length, 2, 'the others live');
  });

  it('are all executed, however many there are: more than one adoption takes', async () => {
    const cluster = new SimCluster();
    for (const id of ['r1', 'r2', 'r3']) cluster.add(id, { places: 5000 });
    await cluster.clock.advance(1000);
    await cluster.create('s', 10);
    await cluster.clock.advance(200);
    const old = cluster.leader();
    // What it claims from here on is never ended.
    cluster.attempt = () => NEVER;
    await cluster.clock.advance(7000);
    const before = (await cluster.runs('s')).filter(({ state }) => OPEN_STATES.includes(state));
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
  it('adopts and takes nothing any more', async () => {
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
    const searches = ['runs.orphans', 'runs.available', 'runs.change'];
    assert.deepEqual(asked.filter((op) => searches.includes(op)), []);
    assert.equal((await stored()).attempt, 1);
  });

  for (const answered of [true, false]) {
    it(`gives back what it has just taken, for another to execute (the taking is ${answered ? 'late' : 'not answered at first'})`, async () => {
      const cluster = await SimCluster.ofThree();
      await cluster.create('s', 3_600_000);
      const run = manualRun(understood(await cluster.user.schedules.get('s')), cluster.clock.now(), 'one');
      const leader = cluster.leader();
      let held = false;
      leader.link.trouble = async (op, call) => {
        const answer = await call();
        if (held || !isTaking(op, answer, leader)) return answer;
        held = true;
        await cluster.clock.wait(500);
        if (!answered) throw new StoreUnavailable('the answer is lost');
        return answer;
      };
      await cluster.user.runs.request(run);
      await cluster.clock.advance(50);
      assert.equal(held, true);
      const stored = async () => await cluster.user.runs.get(run.id) as Run;
      assert.deepEqual([(await stored()).executor, (await stored()).attempt], [leader.id, 1]);
      const stopped = leader.stop();
      await cluster.clock.advance(300);
      assert.equal((await stored()).executor, leader.id);
      await cluster.clock.advance(1500);
      await stopped;
      const { state, attempt, executor, attempts } = await stored();
      assert.deepEqual([state, attempt, attempts.length], ['succeeded', 1, 1], 'its attempt was none');
      assert.deepEqual(executionsOf(cluster, run), [`1 ${executor}`]);
      assert.notEqual(executor, leader.id);
    });
  }
});
