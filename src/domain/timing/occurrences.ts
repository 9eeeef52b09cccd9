/**
 * The occurrences of a schedule: the nominal times at which it fires, in epoch milliseconds. They
 * depend on its timing alone, so every replica computes the same ones at any time. All functions
 * expect a timing that `parseScheduleSpec` accepted, and throw an `Error` otherwise.
 *
 * Intervals are half-open, `(after, through]`: each call begins after the end of the previous one.
 */
import { type Cron, nextWallClock, parseCron, previousWallClock } from './cron.ts';
import { countWallClocks } from './cronCount.ts';
import { parseDuration } from './duration.ts';
import { FIRST_INSTANT_MS } from './instant.ts';
import { countThrough, momentAt } from './moments.ts';
import { LAST_INSTANT_MS } from './instant.ts';
import type { BoundedRule } from './timing.ts';
import { zoneOf } from './zone.ts';

/**
 * What determines the occurrences. A duration schedule without an anchor is anchored at its
 * creation. Occurrences before that are owed only after the server's clock was set back: by a
 * timing that took effect before the clock reached that time again.
 */
export type Timed = BoundedRule & { created_at: Date };

/** The occurrences of a timing regardless of start_at and end_at, which `within` applies for all types. */
interface Series {
  /** Strictly after. */
  next(afterMs: number): number | null;
  previous(atOrBeforeMs: number): number | null;
  /** Number of those in (after, through], without iterating over them. */
  count(afterMs: number, throughMs: number): number;
}

/** The first occurrence strictly after a moment; null when there is none before the year 9999 ends. */
export function nextOccurrence(timed: Timed, afterMs: number): number | null {
  return within(timed).next(afterMs);
}

/** The last occurrence at or before a moment. */
export function previousOccurrence(timed: Timed, atOrBeforeMs: number): number | null {
  return within(timed).previous(atOrBeforeMs);
}

/** The oldest `limit` occurrences in (after, through], oldest first. */
export function occurrencesBetween(
  timed: Timed,
  afterMs: number,
  throughMs: number,
  limit: number,
): number[] {
  const series = within(timed);
  const found: number[] = [];
  let nextMs = series.next(afterMs);
  while (nextMs !== null && nextMs <= throughMs && found.length < limit) {
    found.push(nextMs);
    nextMs = series.next(nextMs);
  }
  return found;
}

/** The newest `limit` occurrences in (after, through], oldest first. */
export function newestOccurrences(timed: Timed, afterMs: number, throughMs: number, limit: number): number[] {
  const series = within(timed);
  const found: number[] = [];
  let previousMs = series.previous(throughMs);
  while (previousMs !== null && previousMs > afterMs && found.length < limit) {
    found.push(previousMs);
    previousMs = series.previous(previousMs - 1);
  }
  return found.reverse();
}

/**
 * Number of occurrences in (after, through], and the last of them (`afterMs` itself when there is
 * none). The cost does not grow with the number.
 */
export function countOccurrences(
  timed: Timed,
  afterMs: number,
  throughMs: number,
): { count: number; throughMs: number } {
  const series = within(timed);
  const lastMs = series.previous(throughMs);
  if (lastMs === null || lastMs <= afterMs) return { count: 0, throughMs: afterMs };
  return { count: series.count(afterMs, lastMs), throughMs: lastMs };
}

/** The series of a timing, bounded by its start_at and end_at. */
function within(timed: Timed): Series {
  const firstMs = Math.max(timed.start_at?.getTime() ?? FIRST_INSTANT_MS, FIRST_INSTANT_MS);
  const lastMs = Math.min(timed.end_at?.getTime() ?? LAST_INSTANT_MS, LAST_INSTANT_MS);
  const series = seriesOf(timed);
  return {
    next(afterMs) {
      if (afterMs >= lastMs) return null;
      const nextMs = series.next(Math.max(Math.floor(afterMs), firstMs - 1));
      return nextMs === null || nextMs > lastMs ? null : nextMs;
    },
    previous(atOrBeforeMs) {
      if (atOrBeforeMs < firstMs) return null;
      const previousMs = series.previous(Math.min(Math.floor(atOrBeforeMs), lastMs));
      return previousMs === null || previousMs < firstMs ? null : previousMs;
    },
    count: (afterMs, throughMs) =>
      series.count(Math.max(Math.floor(afterMs), firstMs - 1), Math.min(Math.floor(throughMs), lastMs)),
  };
}

function seriesOf(timed: Timed): Series {
  switch (timed.type) {
    case 'cron':
      return cronSeries(timed.definition.cron_expression, timed.definition.timezone);
    case 'at_times':
      return listSeries(timed.definition.times);
    case 'duration': {
      const { interval, anchor } = timed.definition;
      const intervalMs = parseDuration(interval);
      return stepSeries((anchor ?? timed.created_at).getTime(), intervalMs);
    }
  }
}

function cronSeries(expression: string, timezone: string): Series {
  const cron = cachedCron(expression);
  const zone = zoneOf(timezone);
  if (zone === null) {
    throw new Error(`the time zone ${JSON.stringify(timezone)} is not known to this version`);
  }
  const instant = (wallClockMs: number | null) => wallClockMs === null ? null : zone.toInstant(wallClockMs);
  return {
    next: (afterMs) => instant(nextWallClock(cron, zone.toWallClock(afterMs))),
    previous: (atOrBeforeMs) => instant(previousWallClock(cron, zone.toWallClock(atOrBeforeMs))),
    count: (afterMs, throughMs) =>
      countWallClocks(cron, zone.toWallClock(afterMs), zone.toWallClock(throughMs)),
  };
}

/** Times in ascending order, as they are stored. */
function listSeries(times: readonly Date[] | Float64Array): Series {
  const at = (index: number) => index >= 0 && index < times.length ? momentAt(times, index) : null;
  return {
    next: (afterMs) => at(countThrough(times, afterMs)),
    previous: (atOrBeforeMs) => at(countThrough(times, atOrBeforeMs) - 1),
    count: (afterMs, throughMs) => countThrough(times, throughMs) - countThrough(times, afterMs),
  };
}

/** anchor + k·interval for every integer k. Integer remainders are exact, quotients of doubles are not. */
function stepSeries(anchorMs: number, intervalMs: number): Series {
  const previous = (atOrBeforeMs: number) => {
    const rest = (atOrBeforeMs - anchorMs) % intervalMs;
    return atOrBeforeMs - (rest < 0 ? rest + intervalMs : rest);
  };
  return {
    next: (afterMs) => previous(afterMs) + intervalMs,
    previous,
    count: (afterMs, throughMs) => (previous(throughMs) - previous(afterMs)) / intervalMs,
  };
}

/**
 * Schedules are plain data and there may be 100,000 of them, many with equal expressions: parsing
 * takes longer than finding a date.
 */
const crons = new Map<string, Cron>();
const MAX_CACHED_CRONS = 4096;

function cachedCron(expression: string): Cron {
  let cron = crons.get(expression);
  if (cron === undefined) {
    cron = parseCron(expression);
    if (crons.size >= MAX_CACHED_CRONS) crons.delete(crons.keys().next().value as string);
    crons.set(expression, cron);
  }
  return cron;
}
