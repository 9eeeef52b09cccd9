/** How attempts end, and what that makes of their runs. */
import { parseDuration } from '../timing/duration.ts';
import type { FailureAdvice } from './attemptFailure.ts';
import { backoffMs } from './retry.ts';
import { type Attempt, MAX_ATTEMPTS_KEPT, type OwnedRun, type Run, type RunState, workOf } from './run.ts';

export type AttemptEnd = 'succeeded' | 'failed' | 'timed_out' | 'cancelled';

/** The end of an attempt, as its executor reports it. */
export interface Outcome {
  run_id: string;
  schedule_id: string;
  /** Distinguishes its schedule from others of the same id. */
  schedule_created_at?: Date;
  /** The schedule in which another run may wait for the turn; null when none can. */
  turn: { id: string; created_at: Date } | null;
  /** The backfill that made the run, if one did. */
  backfill_id?: string;
  /** Failed runs in a row that pause the schedule; null for never. */
  pause_after_failures: number | null;
  /** Why the schedule is to be paused at once, if it is. */
  pause?: string;
  /** It counts only for this attempt by this boot: a late one can't overwrite a newer one (G3). */
  attempt: number;
  executor: string;
  executor_boot: string;
  state: AttemptEnd;
  started_at: Date;
  finished_at: Date;
  lateness_ms: number;
  error: string | null;
  output: string | null;
  /** When the run becomes available for its next attempt; null when this one ends the run. */
  retry_at: Date | null;
  /** When the record may be deleted, if this ends the run. */
  expire_at: Date;
}

/** An attempt that goes on for a while is recorded meanwhile. */
export interface AttemptStart {
  run_id: string;
  attempt: number;
  executor_boot: string;
  started_at: Date;
  lateness_ms: number;
}

/** From the time at which the run was due to `startedMs`, for the first attempt; later ones keep it. */
export function latenessMs(run: Run, startedMs: number): number {
  return run.failures > 0 ? run.lateness_ms : Math.round(startedMs - run.available_at.getTime());
}

/** `random` is in [0, 1). */
export function outcomeOf(
  run: OwnedRun,
  end: {
    state: AttemptEnd;
    startedMs: number;
    finishedMs: number;
    error: string | null;
    output: string | null;
    advice?: FailureAdvice;
  },
  random: () => number,
): Outcome {
  const { state, startedMs, finishedMs, error, output, advice = { retries: true } } = end;
  const { history, policy: { retry } } = workOf(run);
  const failures = run.failures + 1;
  const retries = hasFailed(end) && advice.retries && failures < retry.max_attempts;
  const waitMs = () => Math.max(backoffMs(retry, failures, random()), advice.waitMs ?? 0);
  const keptMs = parseDuration(state === 'succeeded' ? history.success : history.failure);
  return {
    run_id: run.id,
    schedule_id: run.schedule_id,
    ...(run.schedule_created_at !== undefined && { schedule_created_at: run.schedule_created_at }),
    turn: turnOf(run),
    ...(run.backfill_id !== undefined && { backfill_id: run.backfill_id }),
    pause_after_failures: workOf(run).policy.pause_after_failures,
    ...(advice.pause !== undefined && { pause: advice.pause }),
    attempt: run.attempt,
    executor: run.executor,
    executor_boot: run.executor_boot,
    state,
    started_at: new Date(startedMs),
    finished_at: new Date(finishedMs),
    lateness_ms: latenessMs(run, startedMs),
    error,
    output,
    retry_at: retries ? new Date(finishedMs + waitMs()) : null,
    expire_at: new Date(finishedMs + keptMs),
  };
}

/** The schedule in which another run may wait until this one has ended; null when none can. */
export function turnOf({ overlap, schedule_id: id, schedule_created_at: created_at }: Run): Outcome['turn'] {
  return overlap === null || overlap === 'skip' || created_at === undefined ? null : { id, created_at };
}

/** The ended attempt in the run's list. */
export function attemptOf(outcome: Outcome): Attempt {
  const { attempt: number, executor, started_at, finished_at, state, error } = outcome;
  return { number, executor, started_at, finished_at, state, error };
}

/** The run's list of attempts with one more; the oldest make way. */
export function withAttempt(run: Run, attempt: Attempt): Attempt[] {
  return [...run.attempts, attempt].slice(-MAX_ATTEMPTS_KEPT);
}

export function hasFailed({ state }: Pick<Outcome, 'state'>): boolean {
  return state === 'failed' || state === 'timed_out';
}

/** What the outcome makes of the stored run, which is still held under it. */
export function settledBy(outcome: Outcome, run: Run): Partial<Run> {
  const { state, started_at, finished_at, lateness_ms, error, output, retry_at, expire_at } = outcome;
  const common = {
    ...{ started_at, finished_at, lateness_ms, error, output },
    attempts: withAttempt(run, attemptOf(outcome)),
    failures: run.failures + (hasFailed(outcome) ? 1 : 0),
    losses: 0,
  };
  if (retry_at === null || run.is_last_attempt) {
    return { ...common, state, expire_at, reason: state === 'cancelled' ? run.reason : null };
  }
  return { ...common, ...unowned('retrying', 'retry'), available_at: retry_at, finished_at: null };
}

/** The fields of an open run that no executor has. */
export function unowned(state: Extract<RunState, 'claimed' | 'retrying'>, waiting_for: Run['waiting_for']) {
  return { state, waiting_for, executor: null, executor_boot: null };
}

/** Whether this outcome was recorded on the stored run. */
export function isRecorded(stored: Run | null | undefined, outcome: Outcome): boolean {
  const isIts = ({ number, state, finished_at }: Attempt) =>
    number === outcome.attempt && state === outcome.state &&
    finished_at.getTime() === outcome.finished_at.getTime();
  return stored != null && stored.attempts.some(isIts);
}
