/** The guarantees, on replicas as they are, over the in-memory store and a simulated clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  assertOnceEach,
  every,
  LEASE,
  loseAnswers,
  SimCluster,
  unreachable,
} from '../../support/simCluster.ts';
import { understood } from '../../support/schedules.ts';

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
    const stopped = old.replica.stop();
    await cluster.clock.advance(50);
    assert.equal(cluster.replicas.filter((each) => each !== old && each.role === 'leader').length, 1);
    await cluster.clock.advance(100);
    await stopped;
    await cluster.clock.advance(900);
    assert.equal(await assertOnceEach(cluster, 's', 100), 20);
    assert.ok(old.log.includes('info term ended'));
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
    old.trouble = (op, run) => {
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
    old.trouble = async (op, run) => {
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
    old.trouble = unreachable;
    const cutMs = cluster.clock.now();
    await cluster.clock.advance(LEASE.durationMs - LEASE.marginMs);
    assert.equal(old.role, 'follower', 'by its own clock, before the lease is over for others');
    await cluster.clock.advance(2000);
    assert.equal(
      cluster.executions.filter(({ replica, atMs }) => replica === old.id && atMs > cutMs).length,
      0,
    );
    old.trouble = (_op, run) => run();
    await cluster.clock.advance(2000);
    await assertOnceEach(cluster, 's', 100);
  });

  it('agrees on fire times with clocks ten minutes apart (G6)', async () => {
    const cluster = new SimCluster();
    cluster.add('r1', 300_000);
    cluster.add('r2', -300_000);
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

describe('what the leader does not know yet', () => {
  it('is fired from the moment at which it took effect (G2)', async () => {
    const cluster = await SimCluster.ofThree();
    const leader = cluster.leader();
    leader.trouble = async (op, run) => {
      if (op === 'feed.next') await new Promise<void>((resolve) => cluster.clock.setTimeout(resolve, 700));
      return run();
    };
    await cluster.clock.advance(1000);
    await cluster.create('s', 100);
    await cluster.clock.advance(2000);
    assert.ok(await assertOnceEach(cluster, 's', 100) >= 19);
  });

  it('is not lost when that leader dies before it learns of it: the watermark does not cover it (G2)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('busy', 50);
    await cluster.clock.advance(500);
    const old = cluster.leader();
    old.trouble = (op, run) => op === 'feed.next' ? new Promise(() => {}) : run();
    await cluster.clock.advance(600);
    await cluster.create('s', 100);
    await cluster.clock.advance(1000);
    assert.equal((await cluster.runs('s')).length, 0);
    old.crash();
    await cluster.clock.advance(LEASE.durationMs + 1000);
    assert.ok(await assertOnceEach(cluster, 's', 100) >= 40);
    await assertOnceEach(cluster, 'busy', 50);
  });

  it('is not claimed by its old definition once the change was answered; what was due is recorded as superseded (G4)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1000);
    let late = true;
    cluster.leader().trouble = async (op, run) => {
      if (late && op === 'feed.next') {
        await new Promise<void>((resolve) => cluster.clock.setTimeout(resolve, 900));
      }
      return run();
    };
    // The pump asks again with the delay.
    await cluster.clock.advance(1000);
    const before = (await cluster.runs('s')).length;
    const replaced = understood(await cluster.user.schedules.replace('s', every(70)));
    await cluster.clock.advance(350);
    assert.equal(
      (await cluster.runs('s')).length,
      before,
      'nothing is claimed while the leader has the old definition',
    );
    late = false;
    await cluster.clock.advance(2000);
    const anchorMs = replaced.created_at.getTime();
    const changedMs = replaced.effective_from.getTime();
    const after = (await cluster.runs('s')).slice(before);
    assert.ok(after.length >= 20);
    assert.ok(after.every((run) => run.schedule_revision === 2 && run.scheduled_for.getTime() > changedMs));
    const nominal = after.map((run) => (run.scheduled_for.getTime() - anchorMs) / 70);
    nominal.forEach((k, index) => assert.equal(k, (nominal[0] as number) + index));
  });

  it('is recorded as superseded when it was due and unclaimed (G4)', async () => {
    const cluster = await SimCluster.ofThree();
    await cluster.create('s', 100);
    await cluster.clock.advance(1010);
    // Nobody leads for a while; the schedule is replaced meanwhile.
    for (const replica of cluster.replicas) replica.trouble = unreachable;
    await cluster.clock.advance(5000);
    await cluster.user.schedules.replace('s', every(1000));
    await cluster.clock.advance(100);
    for (const replica of cluster.replicas) replica.trouble = (_op, run) => run();
    await cluster.clock.advance(4000);
    const runs = await cluster.runs('s');
    const skipped = runs.filter((run) => run.state === 'skipped');
    const firstMs = runs[0]?.scheduled_for.getTime() as number;
    const claimed = runs.filter((run) => run.schedule_revision === 1 && run.state !== 'skipped').length;
    assert.ok(skipped.every((run) => run.reason === 'superseded'));
    const accounted = claimed + skipped.reduce((sum, run) => sum + run.count, 0);
    const schedule = understood(await cluster.user.schedules.get('s'));
    const until = schedule.effective_from.getTime() - firstMs;
    assert.equal(accounted, Math.floor(until / 100) + 1, 'each occurrence of the old definition');
  });

  it('is never fired after its deletion was answered (G4)', async () => {
    const cluster = await SimCluster.ofThree();
    cluster.leader().trouble = async (op, run) => {
      if (op === 'feed.next') await new Promise<void>((resolve) => cluster.clock.setTimeout(resolve, 250));
      return run();
    };
    for (let round = 0; round < 20; round++) {
      await cluster.create('s', 20);
      await cluster.clock.advance(700 + round);
      const deleted = await cluster.user.schedules.remove('s');
      assert.ok(deleted !== null && deleted !== 'conflict');
      const before = (await cluster.runs('s')).length;
      assert.ok(before > 0);
      await cluster.clock.advance(600);
      assert.equal((await cluster.runs('s')).length, before);
    }
  });
});

describe('a leader whose mirror is behind', () => {
  it('does not move the watermark past what the last leader knew and it does not (G2)', async () => {
    const cluster = await SimCluster.ofThree();
    const first = cluster.leader();
    const [second, third] = cluster.followers();
    assert.ok(second && third);
    second.trouble = (op, run) => op === 'feed.next' ? new Promise(() => {}) : run();
    await cluster.clock.advance(1000);
    await cluster.create('s', 100);
    await cluster.clock.advance(2000);
    third.trouble = (op, run) => op === 'lease.acquire' ? Promise.resolve(null as never) : run();
    first.crash();
    await cluster.clock.advance(5000);
    assert.equal(second.role, 'leader', 'it leads, and knows of no schedule');
    second.crash();
    third.trouble = (_op, run) => run();
    await cluster.clock.advance(5000);
    assert.ok(await assertOnceEach(cluster, 's', 100) >= 110);
  });

  it('records no occurrence as superseded that an earlier leader has claimed (G1, G4)', async () => {
    const cluster = await SimCluster.ofThree();
    const old = cluster.leader();
    await cluster.create('s', 100);
    await cluster.clock.advance(10);
    // It knows the schedule, but its mirror makes no progress any more: the watermark covers no later
    // definition.
    old.trouble = (op, run) => op === 'feed.next' ? new Promise(() => {}) : run();
    await cluster.clock.advance(440);
    old.crash();
    await cluster.clock.advance(300);
    // Another timing with the same occurrences.
    const end_at = new Date(cluster.clock.now() + 3_600_000);
    await cluster.user.schedules.replace('s', { ...every(100), end_at });
    const claimed = await cluster.runs('s');
    assert.ok(claimed.length > 0 && claimed.every((run) => run.state === 'succeeded'));
    await cluster.clock.advance(5000);
    const runs = await cluster.runs('s');
    const total = runs.reduce((sum, run) => sum + run.count, 0);
    const first = runs[0]?.since.getTime() as number;
    const last = runs.at(-1)?.scheduled_for.getTime() as number;
    assert.equal(total, (last - first) / 100 + 1);
    const skipped = runs.filter((run) => run.state === 'skipped').reduce((sum, run) => sum + run.count, 0);
    assert.equal(skipped, 3, 'due, unclaimed, and replaced');
    assert.deepEqual(runs.slice(0, claimed.length).map((run) => run.state), claimed.map((run) => run.state));
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
    old.trouble = async (op, run) => {
      if (op === 'claims.claim' && !cut) {
        cut = true;
        await run();
      }
      return cut ? await unreachable() : await run();
    };
    await cluster.clock.advance(6000);
    assert.equal(old.role, 'follower');
    old.trouble = (_op, run) => run();
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
    leader.trouble = (op, run) => op.startsWith('feed.') ? unreachable() : run();
    await cluster.clock.advance(1000);
    await cluster.create('b', 100);
    await cluster.user.schedules.remove('a');
    await cluster.clock.advance(1000);
    leader.trouble = (_op, run) => run();
    await cluster.clock.advance(2000);
    assert.ok(await assertOnceEach(cluster, 'b', 100) >= 29);
    assert.ok(leader.log.includes('warn the change stream broke; resuming'));
    assert.equal(leader.replica.jobs.size, 0);
  });
});
