import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { executorMachine, MAX_TAKEN, STANDBY_HOLDS_MS } from '../../../src/actors/runs/executor.ts';
import type { Available } from '../../../src/actors/runs/runStore.ts';
import { handedBack, type RunChange, taken } from '../../../src/domain/runs/life.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { unowned } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import {
  AVAILABLE,
  ENDING,
  fill,
  found,
  FREED,
  input,
  LOST,
  ours,
  STOP,
  T,
  waitingRuns,
  WON,
} from './executorSetup.ts';

/** An executor whose store answers when the test says so. */
function running(options: { max?: number; standbyExecutes?: boolean; filled?: number } = {}) {
  const clock = new SimClock(T);
  const parts = input({ ...options, clock });
  const fillers = fill(parts.places, options.filled ?? 0);
  const look = calls<Available, { availableAt: Date; limit: number }>();
  const take = calls<Run[], { changes: RunChange[] }>();
  const handBack = calls<unknown, { changes: RunChange[] }>();
  const under = underParent(
    executorMachine.provide({
      actors: { look: look.slot, take: take.slot, handBack: handBack.slot },
      actions: { report: () => {} },
    }),
    { clock, input: parts.input },
  );
  return {
    ...parts,
    ...{ clock, look, take, handBack, under, fillers },
    send: under.child.send,
    /** Answers the look, and the taking of all that was chosen. */
    async takes(runs: Run[], nextAt: number | null = null) {
      await look.last.answer(found(runs, nextAt));
      await take.last.answer(ours(take.last.input.changes.map(({ run }) => run)));
    },
    /** As when the end of a run is recorded. */
    free(id: string) {
      parts.places.release(id);
      under.child.send(FREED);
    },
  };
}

/** The leader, after its first look as such, which found nothing. */
async function leading(options: Parameters<typeof running>[0] = {}) {
  const it = running(options);
  it.send(WON);
  for (let look = 0; look < 2; look++) await it.look.list[look]?.answer(found([]));
  return it;
}

describe('executor, as an actor', () => {
  it('takes runs for the next attempt, and gives them to their jobs when they are durably its own', async () => {
    const { look, take, handedOver, places, clock } = running();
    const runs = [unowned('a', T), unowned('b', T, { attempt: 2, waiting_for: 'retry', state: 'retrying' })];
    await look.last.answer(found(runs));
    assert.deepEqual(take.last.input.changes, runs.map((run) => taken(run, { replica: 'r2', boot: 'b2' })));
    assert.deepEqual([handedOver, places.used], [[], 2], 'the places are taken first');
    const decidedMs = clock.monotonic();
    await clock.advance(50);
    await take.last.answer(ours(runs));
    // Its age counts from the decision: an answer is as old as its request.
    assert.deepEqual(handedOver, [[runs[0]?.id, 1, decidedMs], [runs[1]?.id, 3, decidedMs]]);
  });

  it('frees the places of what another executor was faster to take', async () => {
    const { look, take, handedOver, places } = running();
    const runs = waitingRuns(3);
    await look.last.answer(found(runs));
    await take.last.answer(ours(runs.slice(1, 2)));
    assert.deepEqual([handedOver.map(([id]) => id), places.used], [[runs[1]?.id], 1]);
    assert.equal(places.holds(runs[1]?.id as string), true);
  });

  it('takes the very same again after a taking without an answer, and keeps the moment of the decision', async () => {
    const { look, take, handedOver, clock } = running();
    const runs = waitingRuns(2);
    await look.last.answer(found(runs));
    const decidedMs = clock.monotonic();
    for (let attempt = 1; attempt <= 3; attempt++) {
      assert.equal(take.list.length, attempt);
      await take.last.fail();
      await clock.advance(200);
    }
    assert.deepEqual(take.last.input, take.list[0]?.input);
    await take.last.answer(ours(runs));
    assert.deepEqual(handedOver.map(([, , since]) => since), [decidedMs, decidedMs]);
  });

  it('takes at once what is available while it leads', async () => {
    const it = await leading();
    await it.clock.advance(10);
    it.send(AVAILABLE);
    assert.deepEqual(it.look.last.input.availableAt, new Date(T + 10));
  });

  it('leaves runs to the leader for 250 ms while it does not lead', async () => {
    const it = running();
    assert.deepEqual(it.look.last.input.availableAt, new Date(T - STANDBY_HOLDS_MS));
    await it.look.last.answer(found([]));
    it.send(AVAILABLE);
    await it.clock.advance(STANDBY_HOLDS_MS - 1);
    assert.equal(it.look.list.length, 1);
    await it.clock.advance(1);
    assert.deepEqual([it.look.list.length, it.look.last.input.availableAt], [2, new Date(T)]);
    assert.equal(STANDBY_HOLDS_MS, 250);
  });

  it('looks at once when it begins to lead, and holds back again when it does not any more', async () => {
    for (const end of [LOST, ENDING]) {
      const it = running();
      await it.look.last.answer(found([]));
      it.send(WON);
      assert.deepEqual([it.look.list.length, it.look.last.input.availableAt], [2, new Date(T)]);
      await it.look.last.answer(found([]));
      it.send(end);
      it.send(AVAILABLE);
      assert.equal(it.look.list.length, 2);
      await it.clock.advance(STANDBY_HOLDS_MS);
      assert.deepEqual(it.look.last.input.availableAt, new Date(T));
    }
  });

  it('does not execute while it stands by when it is not to', async () => {
    const it = running({ standbyExecutes: false });
    it.send(AVAILABLE);
    await it.clock.advance(5000);
    assert.equal(it.look.list.length, 0);
    it.send(WON);
    assert.equal(it.look.list.length, 1);
    await it.look.last.answer(found([]));
    it.send(LOST);
    await it.clock.advance(5000);
    assert.equal(it.look.list.length, 1);
  });

  it('looks when the next run becomes available', async () => {
    for (const leads of [true, false]) {
      const it = leads ? await leading() : running();
      if (leads) it.send(AVAILABLE);
      await it.look.last.answer(found([], T + 300));
      const looks = it.look.list.length;
      const dueMs = leads ? 300 : 300 + STANDBY_HOLDS_MS;
      await it.clock.advance(dueMs - 1);
      assert.equal(it.look.list.length, looks, 'not earlier');
      await it.clock.advance(1);
      assert.deepEqual(it.look.last.input.availableAt, new Date(T + 300));
    }
  });

  it('looks every second without any hint', async () => {
    const it = await leading();
    for (let look = 2; look <= 4; look++) {
      await it.clock.advance(999);
      assert.equal(it.look.list.length, look);
      await it.clock.advance(1);
      assert.equal(it.look.list.length, look + 1);
      await it.look.last.answer(found([], T + 3_600_000));
    }
  });

  it('looks again when a hint comes while it looks: the answer may be older', async () => {
    const it = await leading();
    it.send(AVAILABLE);
    const looks = it.look.list.length;
    it.send(AVAILABLE);
    await it.look.last.answer(found([]));
    assert.equal(it.look.list.length, looks + 1);
  });

  it('asks for no more than it has places for, and for 500 at most (G9)', async () => {
    const few = running({ max: 20, filled: 17 });
    assert.equal(few.look.last.input.limit, 3);
    const many = running({ max: 5000 });
    assert.equal(many.look.last.input.limit, MAX_TAKEN);
  });

  it('does not look while it has no place, and does as soon as one is free', async () => {
    const it = running({ max: 2, filled: 2 });
    it.send(WON);
    it.send(AVAILABLE);
    await it.clock.advance(5000);
    assert.equal(it.look.list.length, 0);
    it.free(it.fillers[0] as string);
    assert.deepEqual([it.look.list.length, it.look.last.input.limit], [1, 1]);
  });

  it('sets no timer to nought while it has no place, or is not to take any', async () => {
    for (const options of [{ max: 2, filled: 2 }, { standbyExecutes: false }]) {
      const it = running(options);
      const before = it.clock.steps;
      await it.clock.advance(10_000);
      assert.ok(it.clock.steps - before <= 11, `${it.clock.steps - before} wake-ups in 10 s`);
    }
  });

  it('takes more as soon as a place is free, when more wait than have found one', async () => {
    const it = running({ max: 3 });
    const runs = waitingRuns(10);
    await it.takes(runs.slice(0, 3));
    assert.deepEqual([it.handedOver.length, it.places.free], [3, 0]);
    await it.clock.advance(100);
    it.free(runs[0]?.id as string);
    assert.equal(it.look.list.length, 2, 'the page was full: there may be more');
    await it.takes(runs.slice(3, 4));
    it.free(runs[1]?.id as string);
    assert.equal(it.look.list.length, 3);
  });

  it('takes more as soon as a place is free, when fairness has left out some', async () => {
    const it = running({ max: 9 });
    const runs = Array.from({ length: 9 }, (_, k) => unowned('a', T + k));
    await it.takes(runs.slice(0, 8));
    assert.equal(it.handedOver.length, 8);
    await it.clock.advance(1000);
    await it.look.last.answer(found(runs.slice(8)));
    assert.deepEqual(
      [it.under.state, it.take.list.length],
      ['waiting', 1],
      'the last place is for another schedule',
    );
    it.free(runs[0]?.id as string);
    assert.equal(it.look.list.length, 3);
  });

  it('does not look for every place that is free when nothing waits', async () => {
    const it = running({ max: 10 });
    const runs = waitingRuns(4);
    await it.takes(runs);
    for (const { id } of runs) it.free(id);
    assert.equal(it.look.list.length, 1);
  });

  it('looks again at once after a full page, as long as it takes some of it', async () => {
    const it = running({ max: 2000 });
    await it.takes(waitingRuns(MAX_TAKEN));
    assert.equal(it.look.list.length, 2);
    await it.takes(waitingRuns(MAX_TAKEN, MAX_TAKEN));
    assert.deepEqual([it.look.list.length, it.places.used], [3, 2 * MAX_TAKEN]);
    await it.look.last.answer(found([]));
    assert.equal(it.under.state, 'waiting');
  });

  it('does not hurry for a page of which it can take nothing', async () => {
    const it = running({ max: 9 });
    for (let k = 0; k < 8; k++) it.places.take(`held-${k}`, 'a');
    await it.look.last.answer(found([unowned('a', T)]));
    assert.deepEqual([it.under.state, it.look.list.length], ['waiting', 1]);
    await it.clock.advance(1000);
    assert.equal(it.look.list.length, 2);
  });

  it('does not take a run that it still has a place for: its last outcome is not recorded', async () => {
    const it = await leading();
    const [run, other] = waitingRuns(2) as [Run, Run];
    it.places.take(run.id, run.schedule_id);
    it.send(AVAILABLE);
    await it.look.last.answer(found([run, other]));
    assert.deepEqual(it.take.last.input.changes.map((change) => change.run.id), [other.id]);
    await it.take.last.answer(ours([other]));
    it.free(run.id);
    await it.look.last.answer(found([run]));
    assert.deepEqual(it.take.last.input.changes.map((change) => change.run.id), [run.id]);
  });

  it('gives back, as they were, runs that it has taken while it was stopped, and their places', async () => {
    const { clock, look, take, handBack, handedOver, places, send, under } = running();
    const runs = waitingRuns(3);
    await look.last.answer(found(runs));
    send(STOP);
    const mine = ours(runs.slice(0, 2));
    await take.last.answer(mine);
    assert.deepEqual(handBack.last.input.changes, mine.map((run) => handedBack(run, new Date(T))));
    await handBack.last.fail();
    assert.equal(under.state, 'notHandedBack');
    await clock.advance(200);
    await handBack.last.answer([]);
    assert.deepEqual([under.state, handedOver], ['stopped', []], 'none is begun');
    assert.deepEqual(mine.filter(({ id }) => places.holds(id)), []);
  });

  it('stops for good: it leaves no timer and takes nothing more', async () => {
    const it = running();
    await it.look.last.answer(found([]));
    it.send(STOP);
    it.send(AVAILABLE);
    await it.clock.advance(10_000);
    assert.deepEqual([it.under.state, it.look.list.length, it.clock.timers], ['stopped', 1, 0]);
  });
});
