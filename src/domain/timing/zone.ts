/**
 * The seam for time zones: cron expressions speak of what the clock on the wall shows, schedules fire at
 * instants, and a zone leads from one to the other. Both are numbers of milliseconds; a wall clock's is the
 * one that it would be in UTC.
 *
 * Occurrences are counted by the wall clock (occurrences.ts): a zone whose clocks are changed needs a count of its own.
 */
interface Zone {
  /** What clocks in the zone show at an instant. */
  toWallClock(instantMs: number): number;
  /**
   * The first instant at which clocks in the zone show this time or, where they are put forward past it, the
   * instant of that change.
   */
  toInstant(wallClockMs: number): number;
}

const UTC: Zone = { toWallClock: (instantMs) => instantMs, toInstant: (wallClockMs) => wallClockMs };

const ZONES = new Map([['UTC', UTC], ['Etc/UTC', UTC]]);

/** The zone of that name; null when this version does not know it. It knows UTC. */
export function zoneOf(name: string): Zone | null {
  return ZONES.get(name) ?? null;
}
