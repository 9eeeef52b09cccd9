/** Limits on what every replica holds in memory: each one mirrors all schedules (G9). */
import { countThrough } from '../timing/moments.ts';
import type { ScheduleSpec } from './schedule.ts';

export interface Capacity {
  schedules: number;
  /** Over all `at_times` schedules. */
  moments: number;
}

/** What a replica's mirror holds: slightly less or more than is stored. */
export interface Holding extends Capacity {
  /** Of one schedule; null when it is unknown. */
  momentsOf(id: string): number | null;
}

/** A schedule to store: a new one, or a replacement. */
export interface Wanted {
  id: string;
  spec: ScheduleSpec;
  isNew: boolean;
}

/**
 * Why there is no room for the schedule, as a sentence; null when there is. A change that needs no
 * more room always fits.
 */
export function noRoomFor(
  { id, spec, isNew }: Wanted,
  { held, limits, nowMs }: { held: Holding; limits: Capacity; nowMs: number },
): string | null {
  if (isNew && held.schedules >= limits.schedules) {
    return `there are ${held.schedules} schedules, and the limit is ${limits.schedules}: delete some, or raise MAX_SCHEDULES on ` +
      'all replicas';
  }
  const more = futureMoments(spec, nowMs) - (held.momentsOf(id) ?? 0);
  if (more <= 0 || held.moments + more <= limits.moments) return null;
  return `the schedules of type at_times have ${held.moments} times to come, and the limit is ${limits.moments}: ` +
    `${more} more exceed it; write fewer times, use a cron or duration schedule, or raise MAX_MOMENTS on all replicas`;
}

function futureMoments(spec: ScheduleSpec, nowMs: number): number {
  if (spec.type !== 'at_times') return 0;
  const { times } = spec.definition;
  return times.length - countThrough(times, nowMs);
}
