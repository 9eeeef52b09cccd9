/**
 * What a schedule owes: the occurrences that still have to be claimed, or recorded as not run, after a
 * given moment (G2). settlement.ts turns them into runs and records.
 *
 * A schedule is a sequence of timings, each in force for `(from, until]`, in order and without
 * overlap: the superseded ones that it still carries, then the present one. A cursor marks the
 * moment through which they are settled.
 */
import type { Mark } from '../leadership/watermark.ts';
import { nextOccurrence, type Timed } from '../timing/occurrences.ts';
import type { Schedule } from '../schedules/schedule.ts';
import type { BoundedRule, Superseded } from '../timing/timing.ts';

/**
 * The moment through which the lease's mark says a schedule is settled. The leader that moved
 * `claimedThroughMs` may not have known timings written after `mirroredThroughMs`: these count from
 * their own start. `written_at` decides, not `from`: after the server's clock was set back, a new
 * timing starts before the watermark. Nor may it have known that the limit of a completed schedule was
 * raised, which owes again since then.
 */
export function settledThroughMs(schedule: Schedule, mark: Mark): number {
  const timings = timingsOf(schedule);
  const isNew = (at: Date) => at.getTime() > mark.mirroredThroughMs;
  const newFromMs = timings.find(({ written_at }) => isNew(written_at))?.from.getTime() ?? Infinity;
  const amendedMs = isNew(schedule.updated_at) ? schedule.updated_at.getTime() : Infinity;
  const throughMs = Math.min(mark.claimedThroughMs, newFromMs, amendedMs);
  return Math.max((timings[0] as TimingStart).from.getTime(), throughMs);
}

/** When one of a schedule's timings took effect, and when it was written. */
export type TimingStart = Omit<Superseded, keyof BoundedRule | 'until'>;

/** A schedule's timings, oldest first: superseded ones that still owe, then the present one. */
export function timingsOf(schedule: Schedule): TimingStart[] {
  const { superseded, timing_revision: revision, effective_from: from, written_at } = schedule;
  return [...superseded, { revision, from, written_at }];
}

/** Whether a superseded timing may still owe something, by the mark of its schedule. */
export function stillOwes({ until, written_at }: Superseded, mark: Mark): boolean {
  return until.getTime() > mark.claimedThroughMs || written_at.getTime() > mark.mirroredThroughMs;
}

/** The earliest moment at which something is owed after the cursor; null when nothing ever is. */
export function nextOwedMs(schedule: Schedule, cursorMs: number): number | null {
  for (const old of schedule.superseded) {
    const nextMs = nextOccurrence(timed(schedule, old), Math.max(cursorMs, old.from.getTime()));
    if (nextMs !== null && nextMs <= old.until.getTime()) return nextMs;
  }
  const fromMs = owesFromMs(schedule);
  return fromMs === Infinity ? null : nextOccurrence(schedule, Math.max(cursorMs, fromMs));
}

/**
 * When the present timing begins to owe, epoch ms: once it is in force, and not before its pause ends by
 * itself; Infinity while it is paused without an end.
 */
export function owesFromMs(
  { paused, pause_until, effective_from }: Pick<Schedule, 'paused' | 'pause_until' | 'effective_from'>,
): number {
  const fromMs = effective_from.getTime();
  return paused ? Math.max(fromMs, pause_until?.getTime() ?? Infinity) : fromMs;
}

/** Whether its pause has not ended by itself. */
export function isPausedAt(schedule: Parameters<typeof owesFromMs>[0], nowMs: number): boolean {
  return schedule.paused && owesFromMs(schedule) > nowMs;
}

/** A superseded timing, with what determines its occurrences. */
export function timed(schedule: Schedule, old: Superseded): Timed {
  return { ...old, created_at: schedule.created_at };
}
