/**
 * The life of a run, however it came about. Each function is one transition of an open run: what it sets, to
 * be applied only while the stored run is still as found. The other two are the claim, which makes it
 * (settlement.ts), and the end of an attempt (outcome.ts).
 *
 *   claimed, unowned ──taken──▶ claimed, owned ──▶ running ──▶ ended
 *        ▲  │                      │   │   │          │
 *        │  └──cancelled──▶ ended  │   │   └──failed──┴──▶ retrying, unowned ──taken──▶ …
 *        ├──────handed back────────┘   │
 *        └───────lost──────────────────┴──lost too often──▶ ended
 */
import { parseDuration } from '../timing/duration.ts';
import { unowned, withAttempt } from './outcome.ts';
import { type Attempt, type CancelReason, isHeld, type Run, workOf } from './run.ts';

/** A transition: applied only if the stored run is open and still as in `run` (`isAsFound`). */
export interface RunChange {
  run: Run;
  set: Partial<Run>;
}

/** The identity of an executor. */
export interface Executor {
  replica: string;
  boot: string;
}

/** Executors lost in a row that end a run: it may be what kills them. */
export const MAX_LOSSES = 3;

/** An executor takes an unowned run, for its next attempt. */
export function taken(run: Run, by: Executor): RunChange {
  const set: Partial<Run> = {
    state: 'claimed',
    waiting_for: null,
    executor: by.replica,
    executor_boot: by.boot,
    attempt: run.attempt + 1,
    started_at: null,
  };
  return { run, set };
}

/** The owner returns a run whose attempt has not begun. It ends if no other was to follow. */
export function handedBack(run: Run, at: Date): RunChange {
  const back = { ...unowned('claimed', 'place'), attempt: run.attempt - 1 };
  if (!run.is_last_attempt) return { run, set: back };
  const { set } = cancelled({ ...run, waiting_for: 'place' }, cancelReasonOf(run), at);
  return { run, set: { ...back, ...set } };
}

/** Why the last attempt of an open run is to be its last. */
function cancelReasonOf({ reason }: Run): CancelReason {
  return reason === 'requested' || reason === 'replaced' ? reason : 'schedule_deleted';
}

/** The executor of the run is dead. */
export function lost(run: Run, at: Date): RunChange {
  const { policy } = workOf(run);
  const losses = run.losses + 1;
  const common = { attempts: withAttempt(run, brokenOff(run, 'lost', at)), losses };
  const end = unsuccessfulEnd(run, at);
  if (isCancelRequested(run)) {
    return { run, set: { ...common, ...end, state: 'cancelled' } };
  }
  if (run.is_last_attempt) {
    return { run, set: { ...common, ...end, state: 'abandoned', reason: 'schedule_gone' } };
  }
  if (policy.on_executor_loss === 'abandon' || losses >= MAX_LOSSES) {
    return { run, set: { ...common, ...end, state: 'abandoned', reason: 'executor_lost' } };
  }
  return { run, set: { ...common, ...unowned('claimed', 'place') } };
}

/** An unowned run ends at once; the attempt of an owned one is to be aborted, and is its last. */
export function cancelled(run: Run, reason: CancelReason, at: Date): RunChange {
  if (run.waiting_for === null) return { run, set: { reason, is_last_attempt: true } };
  return { run, set: { ...unsuccessfulEnd(run, at), state: 'cancelled', reason, waiting_for: null } };
}

/** Ends a run at once, even if an executor owns it: a late outcome of its attempt does not count. */
export function ended(run: Run, reason: CancelReason, at: Date): RunChange {
  if (run.waiting_for !== null) return cancelled(run, reason, at);
  const attempts = withAttempt(run, brokenOff(run, 'cancelled', at));
  return { run, set: { ...unsuccessfulEnd(run, at), state: 'cancelled', reason, attempts } };
}

/** When a run that ends other than by success ended, and when its record may be deleted. */
export function unsuccessfulEnd(run: Run, at: Date): { finished_at: Date; expire_at: Date } {
  return { finished_at: at, expire_at: new Date(at.getTime() + parseDuration(workOf(run).history.failure)) };
}

/** The current attempt, of which no outcome is known. */
function brokenOff(run: Run, state: 'lost' | 'cancelled', at: Date): Attempt {
  const { attempt: number, executor, started_at } = run;
  return { number, executor: executor ?? '', started_at, finished_at: at, state, error: null };
}

/** The schedule is deleted: an unowned run ends at once, the attempt of an owned one is its last. */
export function endedWithSchedule(run: Run, at: Date): RunChange {
  if (run.waiting_for === null) return { run, set: { is_last_attempt: true } };
  return cancelled(run, 'schedule_deleted', at);
}

/** Whether the run's attempt is to be aborted. */
export function isCancelRequested(run: Pick<Run, 'is_last_attempt' | 'reason'>): boolean {
  return run.is_last_attempt && run.reason !== null;
}

/** Whether the stored run is open and as the change found it. */
export function isAsFound(stored: Run | null | undefined, { run }: RunChange): stored is Run {
  return isHeld(stored, run) && stored.waiting_for === run.waiting_for &&
    stored.is_last_attempt === run.is_last_attempt && stored.reason === run.reason;
}

/** Whether the stored run has taken on what the change sets: by it, or by another to the same effect. */
export function isApplied(stored: Run | null | undefined, { set }: RunChange): boolean {
  if (stored == null) return false;
  return Object.entries(set).every(([name, value]) => isSame(stored[name as keyof Run], value));
}

function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length;
  return a === b;
}
