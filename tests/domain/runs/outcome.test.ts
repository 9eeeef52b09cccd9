import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FailureAdvice } from '../../../src/domain/runs/attemptFailure.ts';
import { isRecorded, type Outcome, outcomeOf, settledBy } from '../../../src/domain/runs/outcome.ts';
import { MAX_ATTEMPTS_KEPT, type Run, type RunWork, workOf } from '../../../src/domain/runs/run.ts';
import { owned } from '../../support/runs.ts';

const T = Date.UTC(2030, 0, 1);
const HOUR_MS = 3_600_000;
const NONE = { error: null, output: null };
const WORK: RunWork = {
  ...workOf({ work: null }),
  policy: {
    ...workOf({ work: null }).policy,
    retry: { max_attempts: 3, initial_backoff: '1s', multiplier: 2, max_backoff: '10m' },
  },
  history: { success: '1h', failure: '2h' },
};
const CREATED = new Date(T - 1000);
const RUN = owned('s', T, { attempt: 2, work: WORK, schedule_created_at: CREATED });

/** The end of an attempt that began 40 ms after its time and took 25 ms. */
const endOf = (state: Outcome['state'], run = RUN, random = 0.5) =>
  outcomeOf(run, { state, startedMs: T + 40, finishedMs: T + 65, ...NONE }, () => random);

describe('outcomeOf', () => {
  it('says how the attempt ended, when, and whose it was', () => {
    assert.deepEqual(endOf('succeeded'), {
      run_id: RUN.id,
      schedule_id: 's',
      schedule_created_at: CREATED,
      turn: null,
      pause_after_failures: null,
      attempt: 2,
      executor: 'r1',
      executor_boot: 'b1',
      state: 'succeeded',
      started_at: new Date(T + 40),
      finished_at: new Date(T + 65),
      lateness_ms: 40,
      ...NONE,
      retry_at: null,
      expire_at: new Date(T + 65 + HOUR_MS),
    });
    assert.deepEqual(endOf('cancelled').expire_at, new Date(T + 65 + 2 * HOUR_MS));
  });

  it('is followed by another attempt after a failure or a timeout, as long as there are attempts left', () => {
    for (const state of ['failed', 'timed_out'] as const) {
      assert.deepEqual(endOf(state).retry_at, new Date(T + 65 + 500));
      assert.deepEqual(endOf(state, { ...RUN, failures: 1 }).retry_at, new Date(T + 65 + 1000));
      assert.deepEqual(endOf(state, { ...RUN, failures: 2 }).retry_at, null);
    }
    assert.deepEqual([endOf('cancelled').retry_at, endOf('succeeded').retry_at], [null, null]);
  });

  it('follows what its action knows of the failure', () => {
    const failed = (advice: FailureAdvice) => {
      const end = { state: 'failed' as const, startedMs: T + 40, finishedMs: T + 65, ...NONE, advice };
      return outcomeOf(RUN, end, () => 0.5);
    };
    assert.equal(failed({ retries: false }).retry_at, null);
    assert.deepEqual(failed({ retries: true, waitMs: 60_000 }).retry_at, new Date(T + 65 + 60_000));
    assert.deepEqual(
      failed({ retries: true, waitMs: 100 }).retry_at,
      new Date(T + 65 + 500),
      'the later time',
    );
    assert.equal(failed({ retries: false, pause: 'gone' }).pause, 'gone');
    assert.equal('pause' in failed({ retries: true }), false);
  });

  it('counts failures, and not attempts: a lost executor uses up none', () => {
    assert.notEqual(endOf('failed', { ...RUN, attempt: 9, failures: 1, losses: 2 }).retry_at, null);
  });

  it('names the schedule in which another run may wait for its end', () => {
    const turnOf = (overlap: Run['overlap']) => endOf('succeeded', { ...RUN, overlap }).turn;
    assert.deepEqual(turnOf('queue'), { id: 's', created_at: CREATED });
    assert.deepEqual(turnOf('replace'), { id: 's', created_at: CREATED });
    assert.deepEqual([turnOf('skip'), turnOf(null)], [null, null]);
  });

  it('counts lateness from when the run was available, to its first attempt', () => {
    const delayed = { ...RUN, available_at: new Date(T + 30) };
    assert.equal(endOf('succeeded', delayed).lateness_ms, 10);
    assert.equal(endOf('succeeded', { ...delayed, failures: 1, lateness_ms: 7 }).lateness_ms, 7);
  });
});

describe('settledBy', () => {
  const before: Run = { ...RUN, state: 'running', losses: 2, failures: 1 };
  const after = (outcome: Outcome, run = before): Run => ({ ...run, ...settledBy(outcome, run) });
  const attempt = (state: Outcome['state']) => ({
    number: 2,
    executor: 'r1',
    started_at: new Date(T + 40),
    finished_at: new Date(T + 65),
    state,
    error: null,
  });

  it('ends the run, and adds the attempt', () => {
    assert.deepEqual(after(endOf('succeeded')), {
      ...before,
      state: 'succeeded',
      started_at: new Date(T + 40),
      finished_at: new Date(T + 65),
      lateness_ms: 40,
      expire_at: new Date(T + 65 + HOUR_MS),
      losses: 0,
      attempts: [attempt('succeeded')],
    });
  });

  it('makes it wait for its next attempt, and any executor may take it then', () => {
    const run = after(endOf('failed'));
    const { state, waiting_for, executor, executor_boot, available_at, failures, losses, attempts } = run;
    assert.deepEqual(
      { state, waiting_for, executor, executor_boot, available_at, failures, losses, attempts },
      {
        state: 'retrying',
        waiting_for: 'retry',
        executor: null,
        executor_boot: null,
        available_at: new Date(T + 65 + 500),
        failures: 2,
        losses: 0,
        attempts: [attempt('failed')],
      },
    );
    assert.equal(run.expire_at, null, 'it is not over');
  });

  it('ends it after the last attempt, whatever the outcome asks for', () => {
    const last = { ...before, is_last_attempt: true };
    const { state, waiting_for, executor_boot, expire_at, failures } = after(endOf('timed_out'), last);
    assert.deepEqual([state, waiting_for, executor_boot, failures], ['timed_out', null, 'b1', 2]);
    assert.deepEqual(expire_at, new Date(T + 65 + 2 * HOUR_MS));
  });

  it('keeps why it was cancelled only if it was', () => {
    const asked: Run = { ...before, is_last_attempt: true, reason: 'requested' };
    assert.equal(after(endOf('cancelled'), asked).reason, 'requested');
    for (const state of ['succeeded', 'failed', 'timed_out'] as const) {
      assert.equal(after(endOf(state), asked).reason, null);
    }
  });

  it('keeps the last 20 attempts', () => {
    const attempts = Array.from(
      { length: MAX_ATTEMPTS_KEPT },
      (_, k) => ({ ...attempt('failed'), number: k }),
    );
    const kept = after(endOf('failed'), { ...before, attempts }).attempts;
    assert.deepEqual([kept.length, kept[0]?.number, kept.at(-1)?.number], [20, 1, 2]);
  });

  it('is recorded on the run from then on, whatever becomes of it', () => {
    const outcome = endOf('failed');
    const recorded = after(outcome);
    assert.equal(isRecorded(recorded, outcome), true);
    assert.equal(
      isRecorded({ ...recorded, state: 'claimed', attempt: 3, executor_boot: 'b2' }, outcome),
      true,
    );
    const others = [before, null, undefined, after(endOf('succeeded')), {
      ...recorded,
      attempts: [{ ...attempt('failed'), number: 1 }],
    }];
    for (const stored of others) assert.equal(isRecorded(stored, outcome), false);
  });
});
