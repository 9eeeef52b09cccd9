import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import type { Settler } from '../../../src/domain/firing/settlement.ts';
import { changed, every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const FRESH = { claimedThroughMs: T, mirroredThroughMs: T };

function at(nowMs: number): Settler {
  return {
    replica: 'r',
    boot: 'b',
    term: 1,
    claimNumber: 1,
    nowMs,
    termBeganMs: T,
    graceMs: 0,
    mayBeClaimedThroughMs: -Infinity,
  };
}

function takenTimes(queue: DueQueue): string[] {
  return queue.taken.flatMap(({ settlement }) =>
    settlement.runs.map((run) => `${run.schedule_id} ${run.scheduled_for.getTime() - T}`)
  );
}

describe('the due queue', () => {
  it('takes what is due, earliest first, and waits for what is next', () => {
    const queue = new DueQueue();
    queue.put(every(300, T, { id: 'slow' }), FRESH);
    queue.put(every(100, T, { id: 'quick' }), FRESH);
    assert.equal(queue.nextDueMs(), T + 100);
    queue.take(at(T + 300), 1000);
    assert.deepEqual(takenTimes(queue), ['quick 100', 'quick 200', 'quick 300', 'slow 300']);
    queue.finish({ others: 'settled' });
    assert.equal(queue.nextDueMs(), T + 400);
    assert.equal(queue.taken.length, 0);
  });

  it('owes what was given back', () => {
    const queue = new DueQueue();
    queue.put(every(100, T), FRESH);
    queue.take(at(T + 100), 1000);
    assert.equal(queue.nextDueMs(), Infinity, 'nothing is due twice while it is in flight');
    queue.finish({ others: 'owed' });
    assert.equal(queue.nextDueMs(), T + 100);
  });

  it('counts nothing together that it may have claimed already, before a change that took effect earlier', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    // By a clock that was ahead: the change takes effect before what was claimed.
    queue.take(at(T + 200), 1000);
    queue.finish({ others: 'settled' });
    const second = changed(first, 100, T + 150);
    queue.put(second, FRESH);
    queue.put(changed(second, 100, T + 450, { paused: true }), FRESH);
    queue.take(at(T + 1000), 1000);
    const records = queue.taken.flatMap(({ settlement }) => settlement.runs);
    assert.deepEqual(
      records.map((
        { state, since, scheduled_for },
      ) => [state, since.getTime() - T, scheduled_for.getTime() - T]),
      [['skipped', 200, 200], ['skipped', 300, 400]],
    );
  });

  it('goes on where it was when anything but the timing changes (G4)', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    queue.put({ ...first, revision: 2, name: 'new' }, FRESH);
    queue.take(at(T + 200), 1000);
    assert.deepEqual(takenTimes(queue), ['s 100', 's 200']);
    assert.deepEqual(queue.taken[0]?.settlement.runs.map((run) => run.schedule_revision), [2, 2]);
    queue.put({ ...first, revision: 3 }, FRESH);
    queue.finish({ others: 'settled' });
    assert.equal(queue.nextDueMs(), T + 300);
    queue.put({ ...first, revision: 2, name: 'old news' }, FRESH);
    assert.equal(queue.get('s')?.schedule.revision, 3);
  });

  it('tries again what was held for a change of anything but the timing', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    queue.take(at(T + 100), 1000);
    queue.finish({ stale: new Set([first.id]), others: 'settled' });
    assert.equal(queue.nextDueMs(), Infinity);
    queue.put({ ...first, revision: 2 }, FRESH);
    assert.equal(queue.nextDueMs(), T + 100);
  });

  it('counts a timing that was written after the clock was set back from its own beginning', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    queue.take(at(T + 1000), 1000);
    queue.finish({ others: 'settled' });
    const setBack = changed(first, 70, T + 200, { written_at: new Date(T + 1000), superseded: [] });
    queue.put(setBack, FRESH);
    assert.equal(queue.nextDueMs(), T + 210);
    queue.advance({ claimedThroughMs: T + 1000, mirroredThroughMs: T + 999 });
    assert.equal(queue.nextDueMs(), T + 210, 'the watermark does not count for it');
    queue.put(every(100, T + 300, { id: 'new', written_at: new Date(T + 1000) }), {
      claimedThroughMs: T + 1000,
      mirroredThroughMs: T + 999,
    });
    assert.equal(queue.get('new')?.cursorMs, T + 300);
  });

  it('knows a schedule that was made anew under its id, whatever its clock says', () => {
    const queue = new DueQueue();
    queue.put(every(100, T + 500, { revision: 4 }), FRESH);
    queue.put(every(100, T, { written_at: new Date(T + 600) }), FRESH);
    assert.deepEqual([queue.get('s')?.schedule.revision, queue.get('s')?.cursorMs], [1, T]);
    queue.put(every(100, T + 500, { revision: 5 }), FRESH);
    assert.equal(queue.get('s')?.schedule.revision, 1, 'what is told again is old news');
  });

  it('lets the watermark pass what is set aside, and goes on there when it is understood', () => {
    const queue = new DueQueue();
    const early = { claimedThroughMs: T + 200, mirroredThroughMs: T + 200 };
    queue.put(every(100, T), FRESH);
    assert.equal(queue.putAside('s', early), true);
    assert.equal(queue.putAside('s', FRESH), false, 'it was set aside before');
    assert.deepEqual([queue.size, queue.nextDueMs()], [0, Infinity]);
    assert.equal(queue.settledThroughMs(T + 900, 'now'), T + 900);
    assert.deepEqual([...queue.setAside], [['s', early]]);
    queue.put(every(100, T), { claimedThroughMs: T + 900, mirroredThroughMs: T + 900 });
    assert.equal(queue.nextDueMs(), T + 300);
    assert.equal(queue.setAside.size, 0);
    assert.equal(queue.settledThroughMs(T + 900, 'now'), T + 299);
  });

  it('goes by the lease for what was set aside by a leader before, or by itself as a follower', () => {
    const queue = new DueQueue();
    const early = { claimedThroughMs: T + 200, mirroredThroughMs: T + 200 };
    const mark = { claimedThroughMs: T + 900, mirroredThroughMs: T + 900, setAside: new Map([['s', early]]) };
    queue.put(every(100, T), mark);
    assert.equal(queue.nextDueMs(), T + 300);
    queue.advance(mark);
    assert.equal(queue.nextDueMs(), T + 300);
    queue.putAside('s', FRESH);
    queue.putAside('t', FRESH);
    queue.adoptMarks(mark);
    const rest = { claimedThroughMs: T + 900, mirroredThroughMs: T + 900 };
    assert.deepEqual([...queue.setAside], [['s', early], ['t', rest]]);
    queue.remove('t');
    assert.equal(queue.setAside.has('t'), false);
  });

  it('lets the watermark past nothing that is owed', () => {
    const queue = new DueQueue();
    queue.put(every(100, T, { id: 'a' }), FRESH);
    queue.put(every(1000, T, { id: 'b' }), FRESH);
    assert.equal(queue.settledThroughMs(T + 50, 'now'), T + 50);
    queue.take(at(T + 120), 1000);
    assert.equal(queue.settledThroughMs(T + 120, 'now'), T + 99, 'in flight');
    assert.equal(queue.settledThroughMs(T + 120, 'claimed'), T + 120, 'when the claim is committed');
    assert.equal(queue.taken[0]?.dueMs, T + 100, 'when it turns out to be stale');
    queue.finish({ stale: new Set(['a']), others: 'settled' });
    assert.equal(queue.settledThroughMs(T + 500, 'now'), T + 99, 'held');
    assert.equal(queue.nextDueMs(), T + 1000, 'what is held is not tried again');
    queue.unhold();
    assert.equal(queue.nextDueMs(), T + 100);
  });

  it('counts a changed definition from the moment at which it took effect', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    queue.take(at(T + 200), 1000);
    queue.finish({ others: 'settled' });
    queue.put(changed(first, 30, T + 230), FRESH);
    queue.take(at(T + 280), 1000);
    assert.deepEqual(takenTimes(queue), ['s 240', 's 270']);
  });

  it('minds a change that comes in while a claim is in flight', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    queue.take(at(T + 100), 1000);
    queue.put(changed(first, 35, T + 90), FRESH);
    queue.finish({ others: 'settled' });
    assert.equal(queue.nextDueMs(), T + 105, 'of the new one, after the old one was claimed');
  });

  it('counts a change that comes in while a claim is in flight as owed, if it owes earlier', () => {
    const queue = new DueQueue();
    const first = every(1000, T);
    queue.put(first, FRESH);
    queue.take(at(T + 1000), 1000);
    queue.put(changed(first, 300, T + 500), FRESH);
    assert.equal(queue.settledThroughMs(T + 1000, 'now'), T + 599);
  });

  it('tries a stale one again at once when the mirror has learnt of the change meanwhile', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    queue.take(at(T + 100), 1000);
    queue.put(changed(first, 1000, T + 90), FRESH);
    queue.finish({ stale: new Set(['a']), others: 'settled' });
    assert.equal(queue.nextDueMs(), T + 1000);
  });

  it('ignores old news, and forgets what is deleted, also in flight', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    const second = changed(first, 50, T + 500);
    queue.put(second, FRESH);
    queue.put(first, FRESH);
    assert.equal(queue.get('s')?.schedule.revision, 2);
    queue.take(at(T + 600), 1000);
    queue.remove('s');
    queue.finish({ others: 'owed' });
    assert.equal(queue.nextDueMs(), Infinity);
    assert.equal(queue.settledThroughMs(T + 600, 'now'), T + 600);
  });

  it('leaves room for what else is due beside one that was set aside for long', () => {
    const queue = new DueQueue();
    const mark = { claimedThroughMs: T + 9900, mirroredThroughMs: T + 9900 };
    const setAside = new Map([['long', { claimedThroughMs: T, mirroredThroughMs: T }]]);
    queue.put(every(10, T, { id: 'long' }), { ...mark, setAside });
    for (const [id, ms] of [['a', 70], ['b', 100]] as const) queue.put(every(ms, T, { id }), mark);
    queue.take(at(T + 10_000), 100);
    const taken = () => queue.taken.map(({ schedule, settlement }) => [schedule.id, settlement.runs.length]);
    assert.deepEqual(taken(), [['long', 50], ['a', 1], ['b', 1]]);
    queue.finish({ others: 'settled' });
    queue.take(at(T + 10_000), 100);
    assert.deepEqual(taken(), [['long', 100]], 'all of it when nothing else is');
  });

  it('takes no second helping while one is in flight', () => {
    const queue = new DueQueue();
    queue.put(every(100, T), FRESH);
    queue.take(at(T + 100), 1000);
    assert.throws(() => queue.take(at(T + 200), 1000), /in flight/);
  });

  it("follows the leader's watermark, except for definitions that the leader may not know", () => {
    const queue = new DueQueue();
    queue.put(every(100, T, { id: 'old' }), FRESH);
    queue.put(every(100, T + 5000, { id: 'new' }), FRESH);
    queue.advance({ claimedThroughMs: T + 6000, mirroredThroughMs: T + 4000 });
    assert.deepEqual([queue.get('old')?.dueMs, queue.get('new')?.dueMs], [T + 6100, T + 5100]);
  });

  it('goes back to the moment of a change that it learns of after the watermark has passed it', () => {
    const queue = new DueQueue();
    const first = every(100, T);
    queue.put(first, FRESH);
    queue.advance({ claimedThroughMs: T + 1099, mirroredThroughMs: T + 1000 });
    queue.put(changed(first, 30, T + 1050), FRESH);
    assert.equal(queue.nextDueMs(), T + 1080);
  });

  it('keeps the earliest on top, whatever is put, removed and settled', () => {
    const step = fc.oneof(
      fc.record({
        op: fc.constant('put' as const),
        id: fc.integer({ min: 0, max: 9 }),
        ms: fc.integer({ min: 10, max: 90 }),
      }),
      fc.record({
        op: fc.constant('remove' as const),
        id: fc.integer({ min: 0, max: 9 }),
        ms: fc.constant(0),
      }),
      fc.record({
        op: fc.constant('claim' as const),
        id: fc.constant(0),
        ms: fc.integer({ min: 0, max: 50 }),
      }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new DueQueue();
      const ids = new Set<string>();
      let nowMs = T;
      for (const { op, id, ms } of steps) {
        const name = `s${id}`;
        if (op === 'put') {
          if (!ids.has(name)) {
            queue.put(every(ms, nowMs, { id: name }), { claimedThroughMs: T, mirroredThroughMs: T });
          }
          ids.add(name);
        } else if (op === 'remove') {
          queue.remove(name);
          ids.delete(name);
        } else {
          nowMs += ms;
          queue.take(at(nowMs), 5);
          queue.finish({ others: 'settled' });
        }
        const due = [...ids].map((each) => queue.get(each)?.dueMs ?? 0);
        assert.equal(queue.nextDueMs(), Math.min(Infinity, ...due));
        assert.equal(queue.size, ids.size);
      }
    }));
  });
});
