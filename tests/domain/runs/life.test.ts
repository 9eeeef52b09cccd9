/** What becomes of open runs, and when a change of one counts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  cancelled,
  ended,
  endedWithSchedule,
  handedBack,
  isApplied,
  isAsFound,
  isCancelRequested,
  lost,
  MAX_LOSSES,
  type RunChange,
  taken,
} from '../../../src/domain/runs/life.ts';
import {
  ENDED_STATES,
  isOwned,
  isUnowned,
  MAX_ATTEMPTS_KEPT,
  type Run,
  type RunWork,
  workOf,
} from '../../../src/domain/runs/run.ts';
import { claimed, unowned } from '../../support/runs.ts';

const T = Date.UTC(2030, 0, 1);
const NOW = new Date(T + 8000);
const HOUR_MS = 3_600_000;
const WORK: RunWork = { ...workOf({ work: null }), history: { success: '1h', failure: '2h' } };
const EXPIRES = new Date(NOW.getTime() + 2 * HOUR_MS);
const BY = { replica: 'r2', boot: 'b2' };

const OWNED = claimed('s', T, { attempt: 3, started_at: new Date(T + 5), state: 'running', work: WORK });
const WAITING = unowned('s', T, { work: WORK });

const after = ({ run, set }: RunChange): Run => ({ ...run, ...set });
const policy = (more: Partial<RunWork['policy']>): RunWork => ({
  ...WORK,
  policy: { ...WORK.policy, ...more },
});
const LOST = {
  number: 3,
  executor: 'r1',
  started_at: new Date(T + 5),
  finished_at: NOW,
  state: 'lost',
  error: null,
};

describe('a run that is taken', () => {
  it('is owned, under the next attempt', () => {
    for (const waiting_for of ['place', 'retry', 'jitter'] as const) {
      const run = { ...WAITING, waiting_for, state: waiting_for === 'retry' ? 'retrying' : 'claimed' } as Run;
      assert.deepEqual(after(taken({ ...run, attempt: 4 }, BY)), {
        ...run,
        state: 'claimed',
        waiting_for: null,
        executor: 'r2',
        executor_boot: 'b2',
        attempt: 5,
        started_at: null,
      });
    }
  });

  it('is as before when it is handed back: the attempt was none', () => {
    const { attempt, waiting_for, state, executor_boot } = after(handedBack(after(taken(WAITING, BY)), NOW));
    assert.deepEqual([attempt, waiting_for, state, executor_boot], [0, 'place', 'claimed', null]);
  });

  it('ends when it is handed back, and no other attempt was to follow', () => {
    const mine: Run = { ...after(taken(WAITING, BY)), is_last_attempt: true };
    for (const [reason, told] of [[null, 'schedule_deleted'], ['requested', 'requested']] as const) {
      const run = after(handedBack({ ...mine, reason }, NOW));
      const { state, waiting_for, executor_boot, attempt, finished_at, expire_at } = run;
      assert.deepEqual({
        state,
        reason: run.reason,
        waiting_for,
        executor_boot,
        attempt,
        finished_at,
        expire_at,
      }, {
        state: 'cancelled',
        reason: told,
        waiting_for: null,
        executor_boot: null,
        attempt: 0,
        finished_at: NOW,
        expire_at: EXPIRES,
      });
    }
  });
});

describe('a run whose executor is dead', () => {
  it('waits for another executor at once, and knows of the attempt', () => {
    assert.deepEqual(after(lost(OWNED, NOW)), {
      ...OWNED,
      state: 'claimed',
      waiting_for: 'place',
      executor: null,
      executor_boot: null,
      losses: 1,
      attempts: [LOST],
    });
  });

  it('has used up no retry', () => {
    const once = claimed('s', T, { work: policy({ retry: { ...WORK.policy.retry, max_attempts: 1 } }) });
    const { state, failures, attempt } = after(lost(once, NOW));
    assert.deepEqual([state, failures, attempt], ['claimed', 0, 1]);
  });

  it('ends as abandoned when its policy says so, and is kept as a failure is', () => {
    assert.deepEqual(after(lost({ ...OWNED, work: policy({ on_executor_loss: 'abandon' }) }, NOW)), {
      ...OWNED,
      work: policy({ on_executor_loss: 'abandon' }),
      state: 'abandoned',
      reason: 'executor_lost',
      finished_at: NOW,
      expire_at: EXPIRES,
      losses: 1,
      attempts: [LOST],
    });
  });

  it('ends as abandoned with the third loss in a row: it may be what kills its executors', () => {
    for (let losses = 0; losses < MAX_LOSSES; losses++) {
      const { state, reason } = after(lost({ ...OWNED, losses }, NOW));
      const isLast = losses === MAX_LOSSES - 1;
      assert.deepEqual([state, reason], isLast ? ['abandoned', 'executor_lost'] : ['claimed', null]);
    }
    assert.equal(MAX_LOSSES, 3);
  });

  it('ends as what was asked for when that was its last attempt', () => {
    const requested = { ...OWNED, is_last_attempt: true, reason: 'requested' as const };
    const gone = { ...OWNED, is_last_attempt: true };
    const endOf = ({ state, reason, expire_at }: Run) => [state, reason, expire_at];
    assert.deepEqual(endOf(after(lost(requested, NOW))), ['cancelled', 'requested', EXPIRES]);
    assert.deepEqual(endOf(after(lost(gone, NOW))), ['abandoned', 'schedule_gone', EXPIRES]);
  });

  it('keeps its last 20 attempts', () => {
    const attempts = Array.from(
      { length: MAX_ATTEMPTS_KEPT },
      (_, k) => ({ ...LOST, number: k }),
    ) as Run['attempts'];
    const kept = after(lost({ ...OWNED, attempt: 20, attempts }, NOW)).attempts;
    assert.deepEqual([kept.length, kept[0]?.number, kept.at(-1)?.number], [20, 1, 20]);
  });
});

describe('a run that is cancelled', () => {
  it('ends at once when no executor has it', () => {
    for (const waiting_for of ['place', 'retry', 'jitter', 'overlap'] as const) {
      const run = { ...WAITING, waiting_for };
      assert.deepEqual(after(cancelled(run, 'requested', NOW)), {
        ...run,
        state: 'cancelled',
        reason: 'requested',
        waiting_for: null,
        finished_at: NOW,
        expire_at: EXPIRES,
      });
    }
  });

  it('stays with its executor, which is to abort it: no other attempt follows', () => {
    const run = after(cancelled(OWNED, 'requested', NOW));
    assert.deepEqual(run, { ...OWNED, is_last_attempt: true, reason: 'requested' });
    assert.equal(isCancelRequested(run), true);
    assert.equal(isCancelRequested(OWNED), false);
  });

  it('ends with its schedule unless it is under way, and then with its attempt, which goes on', () => {
    const waiting = after(endedWithSchedule(WAITING, NOW));
    assert.deepEqual([waiting.state, waiting.reason], ['cancelled', 'schedule_deleted']);
    const owned = after(endedWithSchedule(OWNED, NOW));
    assert.deepEqual(owned, { ...OWNED, is_last_attempt: true });
    assert.equal(isCancelRequested(owned), false, 'it is not aborted');
  });

  it('ends whoever has it when it had its time', () => {
    assert.deepEqual(after(ended(OWNED, 'replaced', NOW)), {
      ...OWNED,
      state: 'cancelled',
      reason: 'replaced',
      finished_at: NOW,
      expire_at: EXPIRES,
      attempts: [{ ...LOST, state: 'cancelled' }],
    });
    assert.deepEqual(ended(WAITING, 'replaced', NOW), cancelled(WAITING, 'replaced', NOW));
  });
});

describe('a change', () => {
  const changes: Record<string, RunChange> = {
    taken: taken(WAITING, BY),
    'handed back': handedBack(OWNED, NOW),
    lost: lost(OWNED, NOW),
    abandoned: lost({ ...OWNED, losses: 2 }, NOW),
    cancelled: cancelled(WAITING, 'requested', NOW),
    'to be aborted': cancelled(OWNED, 'requested', NOW),
    'ended with its schedule': endedWithSchedule(OWNED, NOW),
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`${what}: counts for the run as found, once`, () => {
      const before = change.run;
      assert.deepEqual([isAsFound(before, change), isApplied(before, change)], [true, false]);
      const done = after(change);
      assert.deepEqual([isAsFound(done, change), isApplied(done, change)], [false, true]);
      assert.equal(done.waiting_for === null || isUnowned(done), true);
      assert.equal(isOwned(done) && done.waiting_for !== null, false, 'owned, or it waits');
      const others: (Run | null | undefined)[] = [
        { ...before, attempt: before.attempt + 1 },
        { ...before, executor_boot: 'b9' },
        { ...before, waiting_for: before.waiting_for === null ? 'retry' : 'overlap' },
        { ...before, is_last_attempt: true },
        ...ENDED_STATES.map((state) => ({ ...before, state })),
        null,
        undefined,
      ];
      for (const stored of others) assert.equal(isAsFound(stored, change), false, JSON.stringify(stored));
    });
  }

  it('has not taken effect when another one has', () => {
    const mine = taken(WAITING, BY);
    assert.equal(isApplied(after(taken(WAITING, { ...BY, boot: 'b3' })), mine), false);
    assert.equal(isApplied({ ...after(mine), state: 'succeeded' }, mine), false, 'it has ended since');
    assert.equal(isApplied(null, mine), false);
    const later = lost({ ...OWNED, losses: 2 }, new Date(T + 9000));
    assert.equal(
      isApplied(after(later), changes.abandoned as RunChange),
      false,
      'told by the one that has ended it',
    );
  });
});
