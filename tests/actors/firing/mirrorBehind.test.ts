/** The guarantees while the leader's mirror is behind the stored schedules. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everySpec } from '../../../harness/definitions.ts';
import { LEASE } from '../../../harness/sim/cluster.ts';
import { assertOnceEach, SimCluster, unreachable } from '../../support/simCluster.ts';
import { understood } from '../../support/schedules.ts';

describe('what the leader does not know yet', () => {
  it('is fired from the moment at which it took effect (G2)', async () => {
    const cluster = await SimCluster.ofThree();
    const leader = cluster.leader();
    leader.link.trouble = async (op, run) => {
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
    old.link.trouble = (op, run) => op === 'feed.next' ? new Promise(() => {}) : run();
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
    cluster.leader().link.trouble = async (op, run) => {
      if (late && op === 'feed.next') {
        await new Promise<void>((resolve) => cluster.clock.setTimeout(resolve, 900));
      }
      return run();
    };
    // The pump asks again with the delay.
    await cluster.clock.advance(1000);
    const before = (await cluster.runs('s')).length;
    const replaced = understood(await cluster.user.schedules.replace('s', everySpec(70)));
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
    // There is no leader for a while, and the schedule is replaced meanwhile.
    for (const replica of cluster.replicas) replica.link.trouble = unreachable;
    await cluster.clock.advance(5000);
    await cluster.user.schedules.replace('s', everySpec(1000));
    await cluster.clock.advance(100);
    for (const replica of cluster.replicas) replica.link.trouble = null;
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
    cluster.leader().link.trouble = async (op, run) => {
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
    second.link.trouble = (op, run) => op === 'feed.next' ? new Promise(() => {}) : run();
    await cluster.clock.advance(1000);
    await cluster.create('s', 100);
    await cluster.clock.advance(2000);
    third.link.trouble = (op, run) =>
      op === 'lease.acquire' ? cluster.clock.wait(100).then(() => null as never) : run();
    first.crash();
    await cluster.clock.advance(5000);
    assert.equal(second.role, 'leader', 'it leads, and knows of no schedule');
    second.crash();
    third.link.trouble = null;
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
    old.link.trouble = (op, run) => op === 'feed.next' ? new Promise(() => {}) : run();
    await cluster.clock.advance(440);
    old.crash();
    await cluster.clock.advance(300);
    // Another timing with the same occurrences.
    const end_at = new Date(cluster.clock.now() + 3_600_000);
    await cluster.user.schedules.replace('s', everySpec(100, { end_at }));
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
