/** Fast takeover (G5) on replicas as they are, which see each other's processes die. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertOnceEach, LEASE, SimCluster } from '../support/simCluster.ts';

async function seeing(): Promise<SimCluster> {
  const cluster = await SimCluster.ofThree();
  cluster.liveness = true;
  await cluster.create('s', 20);
  await cluster.clock.advance(1000);
  return cluster;
}

/** Who leads among those that live. */
function heirs(cluster: SimCluster, dead: readonly unknown[]) {
  return cluster.replicas.filter((each) => !dead.includes(each) && each.role === 'leader');
}

describe('a leader whose process is gone', () => {
  it('is replaced at once: nothing is lost, nothing fired twice, and the history says how', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    old.crash();
    await cluster.clock.advance(50);
    assert.equal(heirs(cluster, [old]).length, 1);
    await cluster.clock.advance(1000);
    assert.ok(await assertOnceEach(cluster, 's', 20) >= 100);
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.began_by, before?.ended_by, before?.replica], ['pre-empted', 'fenced', old.id]);
    assert.equal(now?.gap_ms, 0);
  });

  it('is replaced again when its successor dies', async () => {
    const cluster = await seeing();
    const dead = [cluster.leader()];
    dead[0]?.crash();
    await cluster.clock.advance(400);
    dead.push(...heirs(cluster, dead));
    dead[1]?.crash();
    await cluster.clock.advance(50);
    assert.equal(heirs(cluster, dead).length, 1);
    await cluster.clock.advance(500);
    await assertOnceEach(cluster, 's', 20);
    const terms = await cluster.user.leadership.list(10);
    assert.deepEqual(terms.map((each) => each.term), [3, 2, 1]);
  });
});

describe('a leader that does not answer', () => {
  it('is not pre-empted: only its lease says when it is over', async () => {
    const cluster = await seeing();
    const old = cluster.leader();
    old.freeze();
    await cluster.clock.advance(LEASE.durationMs - LEASE.retryMs);
    assert.equal(heirs(cluster, [old]).length, 0);
    await cluster.clock.advance(2 * LEASE.retryMs);
    assert.equal(heirs(cluster, [old]).length, 1);
    old.wake();
    await cluster.clock.advance(1000);
    await assertOnceEach(cluster, 's', 20);
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.began_by, before?.ended_by], ['acquired', 'expired']);
    assert.ok((now?.gap_ms ?? -1) >= 0 && (now?.gap_ms as number) < LEASE.retryMs);
  });

  it('that was released is told as such', async () => {
    const cluster = await seeing();
    const stopped = cluster.leader().replica.stop();
    await cluster.clock.advance(200);
    await stopped;
    const [now, before] = await cluster.user.leadership.list(10);
    assert.deepEqual([now?.began_by, before?.ended_by], ['acquired', 'released']);
  });
});
