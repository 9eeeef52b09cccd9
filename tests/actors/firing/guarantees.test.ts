/** The guarantees, on replicas as they are, over the in-memory store and a simulated clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LEASE } from '../../../harness/sim/cluster.ts';
import { assertOnceEach, loseAnswers, SimCluster, unreachable } from '../../support/simCluster.ts';

describe('a cluster of three', () => {
  it('has one leader, which alone fires', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1050);
    assert.equal(await assertOnceEach(cluster, 's', 100), 10);
    assert.deepEqual(
      new Set(cluster.executions.map(({ replica }) => replica)),
      new Set([cluster.leader().id]),
    );
    assert.equal(cluster.followers().length, 2);
    assert.ok((await cluster.runs('s')).every((run) => run.state === 'succeeded' && run.lateness_ms < 5));
  });

  it('goes on after a crash within one lease, with nothing lost and nothing twice (G1, G2)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1000);
    const old = cluster.leader();
    old.crash();
    await cluster.clock.advance(LEASE.durationMs + LEASE.retryMs);
    assert.equal(cluster.replicas.filter((each) => each !== old && each.role === 'leader').length, 1);
    await cluster.clock.advance(1050);
    assert.equal(await assertOnceEach(cluster, 's', 100), 53);
    const caughtUp = (await cluster.runs('s')).filter((run) => run.trigger === 'catch_up');
    assert.ok(caughtUp.length >= 25, `${caughtUp.length} were made up for`);
  });

  it('hands over at once on a clean stop (G5, G8)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1000);
    const old = cluster.leader();
    const stopped = old.stop();
    await cluster.clock.advance(50);
    assert.equal(cluster.replicas.filter((each) => each !== old && each.role === 'leader').length, 1);
    await cluster.clock.advance(100);
    await stopped;
    await cluster.clock.advance(900);
    assert.equal(await assertOnceEach(cluster, 's', 100), 20);
    assert.ok(cluster.logOf(old.id).includes('info term ended'));
  });

  it('is not disturbed by a leader that was frozen and wakes (G3)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1010);
    const old = cluster.leader();
    old.freeze();
    await cluster.clock.advance(6000);
    const executedByOld = cluster.executions.filter(({ replica }) => replica === old.id).length;
    const asked: string[] = [];
    old.link.trouble = (op, run) => {
      asked.push(op);
      return run();
    };
    old.wake();
    await cluster.clock.advance(1000);
    assert.equal(old.role, 'follower');
    assert.equal(cluster.executions.filter(({ replica }) => replica === old.id).length, executedByOld);
    assert.equal(asked.includes('claims.claim'), false, 'it does not even try: its trust is over');
    assert.equal(await assertOnceEach(cluster, 's', 100), 80);
  });

  it('refuses a claim that was on its way while the leadership changed (G3)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1010);
    const old = cluster.leader();
    const answers: unknown[] = [];
    old.link.trouble = async (op, run) => {
      if (op === 'lease.renew') return await unreachable();
      if (op !== 'claims.claim') return await run();
      await new Promise<void>((resolve) => cluster.clock.setTimeout(resolve, 5000));
      const answer = await run();
      answers.push((answer as { kind: string }).kind);
      return answer;
    };
    await cluster.clock.advance(8000);
    assert.deepEqual(answers, ['fenced']);
    assert.notEqual(cluster.leader(), old);
    await assertOnceEach(cluster, 's', 100);
  });

  it('has no leader that acts after its trust is over, when the store cannot be reached (G5)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1010);
    const old = cluster.leader();
    old.link.trouble = unreachable;
    const cutMs = cluster.clock.now();
    await cluster.clock.advance(LEASE.durationMs - LEASE.marginMs);
    assert.equal(old.role, 'follower', 'by its own clock, before the lease is over for others');
    await cluster.clock.advance(2000);
    assert.equal(
      cluster.executions.filter(({ replica, atMs }) => replica === old.id && atMs > cutMs).length,
      0,
    );
    old.link.trouble = null;
    await cluster.clock.advance(2000);
    await assertOnceEach(cluster, 's', 100);
  });

  it('agrees on fire times with clocks ten minutes apart (G6)', async () => {
    const cluster = new SimCluster();
    cluster.add('r1', { skewMs: 300_000 });
    cluster.add('r2', { skewMs: -300_000 });
    await cluster.clock.advance(1000);
    await cluster.create('s', 100);
    await cluster.clock.advance(1000);
    cluster.leader().crash();
    await cluster.clock.advance(5000);
    await assertOnceEach(cluster, 's', 100);
    const late = (await cluster.runs('s')).filter((run) => run.trigger === 'schedule').map((run) =>
      run.lateness_ms
    );
    assert.ok(late.every((ms) => ms >= 0 && ms < 10), `${late}`);
  });
});

describe('a claim without an answer', () => {
  for (const happened of [true, false]) {
    it(`is found out about: it was ${happened ? '' : 'not '}committed (G1, G7)`, async () => {
      const cluster = await SimCluster.ofThree();
      await cluster.create('s', 100);
      await cluster.clock.advance(1010);
      const lost = loseAnswers(cluster.leader(), 3, happened);
      await cluster.clock.advance(2000);
      assert.equal(lost(), 3);
      assert.equal(await assertOnceEach(cluster, 's', 100), 30);
    });
  }

  it('is executed by the replica that made it, also after it lost the lease (G7)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1010);
    const old = cluster.leader();
    let cut = false;
    old.link.trouble = async (op, run) => {
      if (op === 'claims.claim' && !cut) {
        cut = true;
        await run();
      }
      return cut ? await unreachable() : await run();
    };
    await cluster.clock.advance(6000);
    assert.equal(old.role, 'follower');
    old.link.trouble = null;
    await cluster.clock.advance(1000);
    await assertOnceEach(cluster, 's', 100);
    assert.equal(cluster.executions.at(-1)?.replica === old.id, false);
  });
});

describe('the change stream', () => {
  it('is resumed after an error, and read afresh when its history is lost', async () => {
    const cluster = await SimCluster.ofThree();
    const leader = cluster.leader();
    await cluster.create('a', 100);
    await cluster.clock.advance(1000);
    leader.link.trouble = (op, run) => op.startsWith('feed.') ? unreachable() : run();
    await cluster.clock.advance(1000);
    await cluster.create('b', 100);
    await cluster.user.schedules.remove('a');
    await cluster.clock.advance(1000);
    leader.link.trouble = null;
    await cluster.clock.advance(2000);
    assert.ok(await assertOnceEach(cluster, 'b', 100) >= 29);
    assert.ok(cluster.logOf(leader.id).includes('warn the change stream broke; resuming'));
    assert.equal(leader.replica.jobs.size, 0);
  });
});
