import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nextOwedMs, settledThroughMs, stillOwes } from '../../../src/domain/firing/owed.ts';
import { graceMs, MAX_CATCH_UP, settle, type Settler } from '../../../src/domain/firing/settlement.ts';
import type { Superseded } from '../../../src/domain/timing/timing.ts';
import type { Policy } from '../../../src/domain/schedules/policy.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { changed, every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);

/** A leader whose term began long ago, unless told otherwise. */
function at(nowMs: number, more: Partial<Settler> = {}): Settler {
  return {
    replica: 'r1',
    boot: 'b1',
    term: 7,
    claimNumber: 1,
    nowMs,
    termBeganMs: T,
    graceMs: 3000,
    mayBeClaimedThroughMs: -Infinity,
    ...more,
  };
}

function told(schedule: Schedule, cursorMs: number, by: Settler, limit = 1000) {
  const { runs, cursorMs: settledMs } = settle(schedule, cursorMs, by, limit);
  return {
    runs: runs.map((run) =>
      `${run.scheduled_for.getTime() - T} ${run.reason ?? run.trigger}${
        run.count > 1 ? ` ×${run.count}` : ''
      }`
    ),
    settled: settledMs - T,
  };
}

const policy = (more: Partial<Policy>) => ({
  policy: { catch_up: 'all', catch_up_window: '60s', ...more } as Policy,
});

describe('what a schedule owes', () => {
  it('is each occurrence after the cursor, through now', () => {
    assert.deepEqual(told(every(100, T), T + 100, at(T + 350)), {
      runs: ['200 schedule', '300 schedule'],
      settled: 300,
    });
    assert.equal(nextOwedMs(every(100, T), T + 300), T + 400);
  });

  it('is nothing before its definition took effect (G2)', () => {
    assert.deepEqual(told(every(100, T, { effective_from: new Date(T + 250) }), T, at(T + 350)).runs, [
      '300 schedule',
    ]);
  });

  it('is nothing while paused', () => {
    const paused = every(100, T, { paused: true });
    assert.deepEqual(told(paused, T, at(T + 350)), { runs: [], settled: 0 });
    assert.equal(nextOwedMs(paused, T), null);
  });

  it('keeps to the limit, oldest first, and leaves the rest owed', () => {
    assert.deepEqual(told(every(100, T), T, at(T + 1000), 3), {
      runs: ['100 schedule', '200 schedule', '300 schedule'],
      settled: 300,
    });
  });

  it('of a replaced definition is recorded as superseded, up to the replacement (G4)', () => {
    const next = changed(every(100, T), 250, T + 420);
    assert.equal(nextOwedMs(next, T + 200), T + 300);
    assert.deepEqual(told(next, T + 200, at(T + 800)), {
      runs: ['400 superseded ×2', '500 schedule', '750 schedule'],
      settled: 750,
    });
  });

  it('is recorded one by one where an earlier leader may have claimed some of it', () => {
    const next = changed(every(100, T), 250, T + 420);
    const { runs } = told(next, T + 200, at(T + 450, { mayBeClaimedThroughMs: T + 300 }));
    assert.deepEqual(runs, ['300 superseded', '400 superseded']);
  });

  it('of two replacements in a row is all accounted for', () => {
    const twice = changed(changed(every(100, T), 30, T + 150), 1000, T + 200);
    assert.deepEqual(told(twice, T, at(T + 210)).runs, ['100 superseded', '180 superseded']);
  });

  it('does not count the pause of a resumed schedule', () => {
    const paused = changed(every(100, T), 100, T + 150, { paused: true });
    const resumed = changed(paused, 100, T + 450, { paused: false });
    assert.deepEqual(told(resumed, T, at(T + 620)).runs, ['100 superseded', '500 schedule', '600 schedule']);
  });
});

describe('catching up', () => {
  const late = at(T + 10_000, { termBeganMs: T + 9950 });

  it('all: what fell due without a leader is claimed, marked as caught up', () => {
    const { runs } = told(every(1000, T), T + 7000, late);
    assert.deepEqual(runs, ['8000 catch_up', '9000 catch_up', '10000 schedule']);
  });

  it('latest: of what is lost only the newest is claimed', () => {
    const { runs } = told(every(1000, T, policy({ catch_up: 'latest' })), T + 2000, late);
    assert.deepEqual(runs, [
      '5000 catch_up_policy ×3',
      '6000 catch_up',
      '7000 catch_up',
      '8000 catch_up',
      '9000 catch_up',
      '10000 schedule',
    ]);
  });

  it('none: what is lost is recorded as missed; what an ordinary takeover delays is not lost', () => {
    const { runs } = told(every(1000, T, policy({ catch_up: 'none' })), T + 2000, late);
    assert.deepEqual(runs, [
      '6000 catch_up_policy ×4',
      '7000 catch_up',
      '8000 catch_up',
      '9000 catch_up',
      '10000 schedule',
    ]);
  });

  it('records as missed what is older than the window', () => {
    const { runs } = told(every(1000, T, policy({ catch_up_window: '4s' })), T + 2000, late);
    assert.deepEqual(runs, [
      '5000 catch_up_window ×3',
      ...[6000, 7000, 8000, 9000].map((ms) => `${ms} catch_up`),
      '10000 schedule',
    ]);
  });

  it('counts no window as shorter than what an ordinary takeover takes', () => {
    for (const window of ['0s', '20ms', '2999ms', '3s']) {
      const { runs } = told(every(1000, T, policy({ catch_up_window: window })), T + 2000, late);
      assert.deepEqual(
        runs,
        ['6000 catch_up_window ×4', '7000 catch_up', '8000 catch_up', '9000 catch_up', '10000 schedule'],
        window,
      );
    }
  });

  it('gives a new leader a lease, and a second for its first claim', () => {
    assert.deepEqual([graceMs(3000), graceMs(500)], [4000, 1500]);
  });

  it('records a year that passed at once as one, with its count, whatever is to be settled besides', () => {
    const second: Schedule = {
      ...every(1000, T, policy({ catch_up_window: '1m' })),
      type: 'cron',
      definition: { cron_expression: '* * * * * *', timezone: 'UTC' },
    };
    const yearMs = 365 * 86_400_000;
    for (const schedule of [second, every(1000, T)]) {
      const { runs, cursorMs } = settle(schedule, T, at(T + yearMs), 1000);
      const [missed, ...claimed] = runs;
      assert.deepEqual([missed?.reason, missed?.count], ['catch_up_window', yearMs / 1000 - 61]);
      assert.deepEqual([claimed.length, cursorMs], [61, T + yearMs]);
    }
  });

  it(`claims the newest ${MAX_CATCH_UP}, and records the rest as one`, () => {
    const { runs } = settle(every(10, T), T, at(T + 20_000), 2000);
    assert.equal(runs.length, 1 + MAX_CATCH_UP);
    assert.deepEqual([runs[0]?.state, runs[0]?.reason, runs[0]?.count], ['missed', 'catch_up_limit', 1000]);
    assert.equal(runs[0]?.since.getTime(), T + 10);
  });
});

describe('settling in pieces', () => {
  it('accounts for each occurrence exactly once, whatever the pieces', () => {
    fc.assert(
      fc.property(
        fc.record({
          intervalMs: fc.integer({ min: 10, max: 500 }),
          changeMs: fc.integer({ min: 1, max: 3000 }),
          windowMs: fc.integer({ min: 0, max: 4000 }),
          catchUp: fc.constantFrom<Policy['catch_up']>('all', 'latest', 'none'),
          limit: fc.integer({ min: 1, max: 7 }),
          inherited: fc.integer({ min: 0, max: 3000 }),
          beganMs: fc.integer({ min: 0, max: 4000 }),
        }),
        ({ intervalMs, changeMs, windowMs, catchUp, limit, inherited, beganMs }) => {
          const spec = policy({ catch_up: catchUp, catch_up_window: `${windowMs}ms` });
          const schedule = changed(every(intervalMs, T, spec), intervalMs + 7, T + changeMs);
          const by = at(T + 4000, {
            termBeganMs: T + beganMs,
            graceMs: 300,
            mayBeClaimedThroughMs: T + inherited,
          });
          let cursorMs = T;
          let accounted = 0;
          for (let pieces = 0; (nextOwedMs(schedule, cursorMs) ?? Infinity) <= by.nowMs; pieces++) {
            assert.ok(pieces < 1000, 'no progress');
            const { runs, cursorMs: settledMs } = settle(schedule, cursorMs, by, limit);
            assert.ok(settledMs > cursorMs && runs.length <= limit + 1);
            for (const run of runs) {
              assert.ok(run.since.getTime() > cursorMs, 'told twice');
              if (run.count > 1) {
                assert.ok(run.since.getTime() > by.mayBeClaimedThroughMs, 'may hide a claimed one');
              }
              cursorMs = run.scheduled_for.getTime();
              accounted += run.count;
            }
            assert.equal(cursorMs, settledMs);
          }
          const old = Math.floor(changeMs / intervalMs);
          const now = Math.floor(4000 / (intervalMs + 7)) - Math.floor(changeMs / (intervalMs + 7));
          assert.equal(accounted, old + now);
        },
      ),
    );
  });
});

describe('settledThroughMs', () => {
  const mark = { claimedThroughMs: T + 1000, mirroredThroughMs: T + 800 };

  it('is the watermark for definitions that every leader knew', () => {
    assert.equal(settledThroughMs(every(100, T), mark), T + 1000);
  });

  it('is the beginning of a definition that the last leader may not have known', () => {
    assert.equal(settledThroughMs(every(100, T + 900), mark), T + 900);
    assert.equal(settledThroughMs(changed(every(100, T), 50, T + 900), mark), T + 900);
  });

  it('is no later than the watermark before such a definition', () => {
    assert.equal(settledThroughMs(changed(every(100, T), 50, T + 1500), mark), T + 1000);
  });

  it('is the beginning of a timing that was written later, however early the server’s clock was by then', () => {
    const setBack = every(100, T + 200, { written_at: new Date(T + 900) });
    assert.equal(settledThroughMs(setBack, mark), T + 200);
    const known = every(100, T + 200, { written_at: new Date(T + 800) });
    assert.equal(settledThroughMs(known, mark), T + 1000);
    const old = changed(every(100, T), 50, T + 200, { written_at: new Date(T + 900) });
    assert.equal(settledThroughMs(old, mark), T + 200);
  });
});

describe('a superseded timing', () => {
  const mark = { claimedThroughMs: T + 1000, mirroredThroughMs: T + 800 };
  const old = (untilMs: number, writtenMs: number) => {
    const [superseded] = changed(every(100, T, { written_at: new Date(writtenMs) }), 50, untilMs).superseded;
    return superseded as Superseded;
  };

  it('owes nothing more once the mark has passed it, if the leader can have known it', () => {
    assert.equal(stillOwes(old(T + 1001, T), mark), true);
    assert.equal(stillOwes(old(T + 1000, T), mark), false);
    assert.equal(stillOwes(old(T + 300, T + 801), mark), true);
  });
});
