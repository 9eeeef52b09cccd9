/**
 * Schedules as every replica, leader or follower, keeps them in memory: without what firing does
 * not need, which can be 100 KB; moments take 8 bytes each instead of a `Date`'s 150, and only
 * those that may still be owed.
 */
import { countThrough, momentAt } from '../timing/moments.ts';
import type { BoundedRule } from '../timing/timing.ts';
import type { Schedule } from './schedule.ts';

/**
 * The schedule without description, tags and pause reason, its moments as numbers, without those at
 * or before `settledMs`: no code reads them again.
 */
export function compacted(stored: Schedule, settledMs = -Infinity): Schedule {
  const schedule = withoutTexts(stored);
  const { superseded } = schedule;
  if (schedule.type !== 'at_times' && superseded.every(({ type }) => type !== 'at_times')) return schedule;
  return {
    ...compact(schedule, settledMs, Infinity),
    superseded: superseded.map((old) =>
      compact(old, Math.max(settledMs, old.from.getTime()), old.until.getTime())
    ),
  };
}

/**
 * Removes moments through `settledMs` from a compacted schedule, once they are more than half of
 * its moments. Returns the number removed.
 */
export function dropSettled(schedule: Schedule, settledMs: number): number {
  if (schedule.type !== 'at_times') return 0;
  const { times } = schedule.definition;
  if (!(times instanceof Float64Array)) return 0;
  const settled = countThrough(times, settledMs);
  if (settled * 2 <= times.length) return 0;
  schedule.definition.times = times.slice(settled);
  return settled;
}

/** Number of moments in the schedule, superseded timings included. */
export function momentCount(schedule: Schedule): number {
  const countOf = (timing: BoundedRule) => timing.type === 'at_times' ? timing.definition.times.length : 0;
  return schedule.superseded.reduce((sum, old) => sum + countOf(old), countOf(schedule));
}

function withoutTexts(schedule: Schedule): Schedule {
  const { description, tags, pause_reason, ...rest } = schedule;
  const hasNone = description === undefined && tags === undefined && pause_reason === undefined;
  return hasNone ? schedule : rest;
}

function compact<T extends BoundedRule>(timing: T, afterMs: number, throughMs: number): T {
  if (timing.type !== 'at_times') return timing;
  const { times } = timing.definition;
  const [first, end] = [countThrough(times, afterMs), countThrough(times, throughMs)];
  const kept = new Float64Array(Math.max(0, end - first));
  for (let index = 0; index < kept.length; index++) kept[index] = momentAt(times, first + index);
  return { ...timing, definition: { times: kept } };
}
