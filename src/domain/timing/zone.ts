/**
 * The interface for time zones: cron expressions describe wall-clock times, schedules fire at
 * instants, and a zone converts between them. Both are in milliseconds; a wall-clock time is
 * written as if it were UTC.
 *
 * Occurrences are counted by the wall clock (occurrences.ts): a zone with clock changes needs a
 * count of its own.
 */
interface Zone {
  /** The wall-clock time in the zone at an instant. */
  toWallClock(instantMs: number): number;
  /**
   * The first instant at which clocks in the zone show this time. A time skipped by a change
   * forward maps to the instant of the change.
   */
  toInstant(wallClockMs: number): number;
}

const UTC: Zone = { toWallClock: (instantMs) => instantMs, toInstant: (wallClockMs) => wallClockMs };

const ZONES = new Map([['UTC', UTC], ['Etc/UTC', UTC]]);

/** The zone of that name; null when unknown. This version knows UTC. */
export function zoneOf(name: string): Zone | null {
  return ZONES.get(name) ?? null;
}
