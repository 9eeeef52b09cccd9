/** Manual runs on simulated clusters: they start at once, and once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEAD_AFTER_MS } from '../../../src/actors/runs/executorWatch.ts';
import { manualRun } from '../../../src/domain/runs/request.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { SimCluster, unreachable } from '../../support/simCluster.ts';
import { ADOPTED_WITHIN_MS, executionsOf, isTaking } from './adoptionScenario.ts';

describe('a manual run', () => {
  /** A schedule whose own time does not come, and a request for it, of whose run it tells. */
  async function asking(cluster: SimCluster) {
    await cluster.create('s', 3_600_000);
    await cluster.clock.advance(100);
    const schedule = await cluster.user.schedules.get('s') as Schedule;
    const run = manualRun(schedule, cluster.clock.now(), 'one');
    return {
      run,
      request: () => cluster.user.runs.request(run),
      stored: async () => await cluster.user.runs.get(run.id) as Run,
      /** There is one record of it, and it was executed once, by whom the record names. */
      async assertOnce(attempt = 1) {
        const [only, ...others] = await cluster.runs('s');
        assert.deepEqual([only?.id, only?.state, only?.attempt, others], [run.id, 'succeeded', attempt, []]);
        assert.deepEqual(executionsOf(cluster, run), [`${attempt} ${only?.executor}`]);
      },
    };
  }

  it('starts within milliseconds', async () => {
    const cluster = await SimCluster.ofThree();
    const { run, request, stored, assertOnce } = await asking(cluster);
    const atMs = cluster.clock.now();
    await request();
    await cluster.clock.advance(20);
    const { executor, trigger, claimed_at, lateness_ms, term } = await stored();
    assert.deepEqual([executor, trigger, term], [cluster.leader().id, 'manual', 0]);
    assert.ok(claimed_at.getTime() - atMs <= 2 && lateness_ms <= 5, `${lateness_ms}`);
    assert.ok(cluster.executions.every((each) => each.runId === run.id && each.atMs - atMs <= 2));
    await assertOnce();
    await cluster.clock.advance(3 * DEAD_AFTER_MS);
    await assertOnce();
  });

  it('starts within a second when the leader misses the notification', async () => {
    const cluster = await SimCluster.ofThree();
    const { request, stored, assertOnce } = await asking(cluster);
    cluster.leader().link.trouble = (op, run) => op === 'lease.watch' ? unreachable() : run();
    await request();
    await cluster.clock.advance(1100);
    const { lateness_ms } = await stored();
    assert.equal(
      lateness_ms <= 1050,
      true,
      `the look of the next second has found it, and not ${lateness_ms} ms later`,
    );
    await assertOnce();
  });

  it('is started by the next leader when the leader dies right after the request', async () => {
    const cluster = await SimCluster.ofThree();
    cluster.peers.noticeDeaths = true;
    const { request, assertOnce } = await asking(cluster);
    const old = cluster.leader();
    await request();
    old.crash();
    await cluster.clock.advance(200);
    await assertOnce();
    assert.equal(executionsOf(cluster, (await cluster.runs('s'))[0] as Run)[0]?.endsWith(old.id), false);
    await cluster.clock.advance(3 * DEAD_AFTER_MS);
    await assertOnce();
  });

  it('is executed by a standby while there is no leader, a quarter of a second later', async () => {
    const cluster = await SimCluster.ofThree();
    cluster.leader().crash();
    const { request, stored, assertOnce } = await asking(cluster);
    await request();
    await cluster.clock.advance(245);
    assert.deepEqual([(await stored()).state, (await stored()).attempt], ['claimed', 0]);
    await cluster.clock.advance(20);
    await assertOnce();
    await cluster.clock.advance(3 * DEAD_AFTER_MS);
    await assertOnce();
  });

  it('waits for the next leader when standbys do not execute', async () => {
    const cluster = new SimCluster();
    for (const id of ['r1', 'r2', 'r3']) cluster.add(id, { standbyExecutes: false });
    await cluster.clock.advance(1000);
    const { request, stored, assertOnce } = await asking(cluster);
    cluster.leader().crash();
    await cluster.clock.advance(1000);
    await request();
    await cluster.clock.advance(1000);
    assert.deepEqual([(await stored()).state, (await stored()).attempt], ['claimed', 0]);
    await cluster.clock.advance(1500);
    await assertOnce();
    assert.equal((await stored()).executor, cluster.leader().id);
  });

  it('is executed once, as the second attempt, when the leader dies right after it has made it its own', async () => {
    const cluster = await SimCluster.ofThree();
    cluster.peers.noticeDeaths = true;
    const { request, stored, assertOnce } = await asking(cluster);
    const old = cluster.leader();
    old.link.trouble = async (op, run) => {
      const answer = await run();
      if (isTaking(op, answer, old)) old.crash();
      return answer;
    };
    await request();
    await cluster.clock.advance(DEAD_AFTER_MS);
    assert.deepEqual([(await stored()).attempt, (await stored()).executor], [1, old.id]);
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    await assertOnce(2);
  });

  it('is executed once when a leader that was frozen meanwhile wakes', async () => {
    const cluster = await SimCluster.ofThree();
    const { request, stored, assertOnce } = await asking(cluster);
    const old = cluster.leader();
    old.freeze();
    await request();
    await cluster.clock.advance(4000);
    await assertOnce();
    old.wake();
    await cluster.clock.advance(3 * DEAD_AFTER_MS);
    await assertOnce();
    assert.notEqual((await stored()).executor, old.id);
  });

  it('is cancelled when its schedule is deleted before it starts', async () => {
    const cluster = await SimCluster.ofThree();
    const { run, request, stored } = await asking(cluster);
    await request();
    await cluster.user.schedules.remove('s');
    assert.equal((await stored()).state, 'cancelled', 'by the time of the answer');
    await cluster.clock.advance(ADOPTED_WITHIN_MS);
    const { state, reason } = await stored();
    assert.deepEqual([state, reason, executionsOf(cluster, run)], ['cancelled', 'schedule_deleted', []]);
  });
});
