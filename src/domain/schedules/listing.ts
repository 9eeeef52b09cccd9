/**
 * Schedules as sent in lists and events: without what can be large. A schedule of 10,000 moments
 * would be a third of a megabyte, a list of them a hundred. Only the schedule itself has its
 * moments.
 */
import { momentAt } from '../timing/moments.ts';
import { nextOccurrence } from '../timing/occurrences.ts';
import type { Schedule } from './schedule.ts';
import type { Rule } from '../timing/timing.ts';

/** Replaces the moments of an `at_times` schedule. */
export interface TimesSummary {
  count: number;
  first: Date;
  last: Date;
  /** The next one within start_at and end_at, also while the schedule is paused. */
  next: Date | null;
}

type ListedTiming =
  | Exclude<Rule, { type: 'at_times' }>
  | { type: 'at_times'; definition: { times: TimesSummary } };

export type ListedSchedule = ListedTiming & Omit<Schedule, keyof Rule | 'superseded'>;

/** `nowMs`: server time, epoch ms, after which `next` lies. */
export function listed({ superseded: _, ...schedule }: Schedule, nowMs: number): ListedSchedule {
  if (schedule.type !== 'at_times') return schedule;
  const { times } = schedule.definition;
  const nextMs = nextOccurrence(schedule, Math.max(nowMs, schedule.effective_from.getTime()));
  const summary: TimesSummary = {
    count: times.length,
    first: new Date(momentAt(times, 0)),
    last: new Date(momentAt(times, times.length - 1)),
    next: nextMs === null ? null : new Date(nextMs),
  };
  return { ...schedule, definition: { times: summary } };
}

/** Whether its moments are summarised, as in lists. */
export function isSummarised(
  schedule: Omit<Schedule, 'superseded'> | ListedSchedule,
): schedule is ListedSchedule & { type: 'at_times' } {
  return schedule.type === 'at_times' &&
    !Array.isArray((schedule as { definition: { times: unknown } }).definition.times);
}
