/** Stepping down on request, on simulated clusters whose replicas see each other die. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE } from '../../../harness/sim/cluster.ts';
import { assertOnceEach, SimCluster, unreachable } from '../../support/simCluster.ts';
import { heirs, seeing } from './takeoverSetup.ts';

describe('a leader that is asked to step down', () => {
  const yieldMs = 3 * LEASE.retryMs;

  it('is replaced at once: nothing is lost, nothing fires twice, and the history says why', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    assert.equal(await cluster.user.lease.askToStepDown(1), true);
    await cluster.clock.advance(50);
    assert.deepEqual([heirs(cluster, [old]).length, old.role], [1, 'follower']);
    await cluster.clock.advance(2 * yieldMs);
    assert.deepEqual([heirs(cluster, [old]).length, old.role], [1, 'follower'], 'and it stays so');
    assert.ok(await assertOnceEach(cluster, 's', 20) >= 100);
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual(
      [now?.term, now?.began_by, before?.replica, before?.ended_by],
      [2, 'acquired', old.id, 'stepped down'],
    );
    assert.ok((now?.gap_ms ?? -1) >= 0 && (now?.gap_ms as number) <= 50, `${now?.gap_ms}`);
    assert.ok(cluster.executions.some(({ replica }) => replica === heirs(cluster, [old])[0]?.id));
  });

  it('settles the claim in flight first, and executes what it committed', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    let claims = 0;
    old.link.trouble = async (op, run) => {
      if (op !== 'claims.claim') return await run();
      claims++;
      await new Promise<void>((resolve) => cluster.clock.setTimeout(resolve, 400));
      return await run();
    };
    await cluster.clock.advance(30);
    assert.equal(claims, 1);
    await cluster.user.lease.askToStepDown(1);
    await cluster.clock.advance(300);
    assert.deepEqual([old.role, heirs(cluster, [old]).length], ['resigning', 0]);
    await cluster.clock.advance(150);
    assert.deepEqual([old.role, heirs(cluster, [old]).length, claims], ['follower', 1, 1]);
    await cluster.clock.advance(1000);
    await assertOnceEach(cluster, 's', 20);
  });

  it('learns of the request with its next renewal when it misses the notification', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    old.link.trouble = (op, run) => op === 'lease.watch' ? unreachable() : run();
    await cluster.user.lease.askToStepDown(1);
    await cluster.clock.advance(LEASE.retryMs + 50);
    assert.deepEqual([heirs(cluster, [old]).length, old.role], [1, 'follower']);
    await assertOnceEach(cluster, 's', 20);
  });

  it('leads again, under a new term, when it is the only replica', async () => {
    const cluster = new SimCluster();
    const only = cluster.add('r1');
    await cluster.clock.advance(1000);
    await cluster.create('s', 20);
    await cluster.clock.advance(1000);
    await cluster.user.lease.askToStepDown(1);
    await cluster.clock.advance(yieldMs - 1);
    assert.equal(only.role, 'follower');
    await cluster.clock.advance(50);
    assert.equal(only.role, 'leader');
    await cluster.clock.advance(2 * yieldMs);
    assert.equal(only.role, 'leader', 'it was asked once');
    await assertOnceEach(cluster, 's', 20);
    const [now] = await cluster.user.leadership.list(10);
    assert.equal(now?.term, 2);
    assert.ok((now?.gap_ms ?? 0) >= yieldMs - 50 && (now?.gap_ms ?? 0) <= yieldMs + 50, `${now?.gap_ms}`);
  });

  it('stops when it is asked to stop meanwhile', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    await cluster.user.lease.askToStepDown(1);
    const stopped = old.stop();
    await cluster.clock.advance(500);
    await stopped;
    assert.equal(heirs(cluster, [old]).length, 1);
    await cluster.clock.advance(500);
    await assertOnceEach(cluster, 's', 20);
  });

  it('does not step down when the named term is over', async () => {
    const cluster = await seeing();
    cluster.leader().crash();
    await cluster.clock.advance(100);
    assert.equal(await cluster.user.lease.askToStepDown(1), false);
    await cluster.clock.advance(2 * LEASE.retryMs);
    const [now] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.term, now?.ended_at], [2, null]);
  });
});
