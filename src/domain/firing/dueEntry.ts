/**
 * The due queue's entry of one schedule, and what a change of the schedule does to it: the cursor goes
 * back to where a new timing took effect.
 */
import type { Mark } from '../leadership/watermark.ts';
import { compacted } from '../schedules/compacted.ts';
import type { Schedule } from '../schedules/schedule.ts';
import type { HeapEntry } from './heap.ts';
import { nextOwedMs, settledThroughMs, timingsOf, type TimingStart } from './owed.ts';

export interface DueEntry extends HeapEntry {
  schedule: Schedule;
  /** Everything that this schedule owed at or before this is settled. */
  cursorMs: number;
  /**
   * Occurrences through here may have a run already, although the cursor has not passed them: this
   * replica claimed them before the schedule entered the queue or changed.
   */
  mayBeClaimedThroughMs: number;
  /**
   * `in flight`: a claim of it is under way. `held`: the store has another definition than this
   * replica. `blocked`: too many of its runs wait for an executor.
   */
  state: 'waiting' | 'in flight' | 'held' | 'blocked';
  /** The term in which the store was read for it: all that has a run is before the cursor. 0 for none. */
  surveyedTerm: number;
  /** It has had all its runs (`max_runs`), and owes nothing under this definition. */
  isExhausted: boolean;
}

/** The entry of a schedule that is new to the queue, not yet placed; `mark`: the schedule's own. */
export function newEntry(schedule: Schedule, mark: Mark, mayBeClaimedThroughMs: number): DueEntry {
  const cursorMs = settledThroughMs(schedule, mark);
  return {
    schedule: compacted(schedule, cursorMs),
    cursorMs,
    mayBeClaimedThroughMs,
    dueMs: Infinity,
    heapIndex: -1,
    state: 'waiting',
    isExhausted: false,
    surveyedTerm: 0,
  };
}

/**
 * Takes the newer definition; the caller updates the due time. A completed schedule whose limit was raised owes
 * again since then, which the leader of the watermark may not have known.
 */
export function redefine(entry: DueEntry, schedule: Schedule, mayBeClaimedThroughMs: number): void {
  const amendedMs = entry.schedule.max_runs === undefined ? null : schedule.updated_at.getTime();
  const tookEffectMs = firstNewTimingMs(entry.schedule, schedule) ?? amendedMs;
  if (tookEffectMs !== null) {
    // This replica may have claimed what the new timing owes, on a clock slightly ahead or set
    // back since.
    entry.mayBeClaimedThroughMs = Math.max(
      entry.mayBeClaimedThroughMs,
      entry.cursorMs,
      mayBeClaimedThroughMs,
    );
    entry.cursorMs = Math.min(entry.cursorMs, tookEffectMs);
  }
  entry.schedule = compacted(schedule, entry.cursorMs);
  // What fell due while it was completed is not owed.
  if (entry.isExhausted) entry.cursorMs = Math.max(entry.cursorMs, schedule.updated_at.getTime());
  entry.isExhausted = false;
  entry.surveyedTerm = 0;
}

/**
 * Moves the cursor through what a claim of the definition `claimed` has settled. A timing that arrived
 * meanwhile counts from the moment it took effect.
 */
export function settleThrough(entry: DueEntry, claimed: Schedule, cursorMs: number): void {
  entry.cursorMs = Math.min(cursorMs, firstNewTimingMs(claimed, entry.schedule) ?? Infinity);
  if (entry.cursorMs < cursorMs) {
    entry.mayBeClaimedThroughMs = Math.max(entry.mayBeClaimedThroughMs, cursorMs);
  }
}

/** Epoch ms; Infinity when the schedule will never owe anything. */
export function nextDueMs(schedule: Schedule, cursorMs: number): number {
  return nextOwedMs(schedule, cursorMs) ?? Infinity;
}

/** Whether `next` is a later revision, or a schedule created later under the same id. */
export function isNewer(present: Schedule, next: Schedule): boolean {
  return isSameLife(present, next) ? next.revision > present.revision : next.written_at >= present.written_at;
}

/** When the first timing in `next` that `present` lacks took effect, epoch ms; null without a new timing. */
function firstNewTimingMs(present: Schedule, next: Schedule): number | null {
  const [oldest, ...later] = timingsOf(next) as [TimingStart, ...TimingStart[]];
  if (!isSameLife(present, next)) return oldest.from.getTime();
  const isNew = ({ revision }: TimingStart) => revision > present.timing_revision;
  return [oldest, ...later].find(isNew)?.from.getTime() ?? null;
}

/** A schedule deleted and created again under its id restarts at revision 1. */
function isSameLife(present: Schedule, next: Schedule): boolean {
  return present.created_at.getTime() === next.created_at.getTime();
}
