import { MINUTE_MS } from './duration.ts';
import type { Rule } from './timing.ts';
import { zoneOf } from './zone.ts';

/** The zone in which to show a schedule's times. */
export function zoneNameOf(timing: Rule): string {
  return timing.type === 'cron' ? timing.definition.timezone : 'UTC';
}

/** RFC 3339 in the zone's local time, with its offset: `2026-01-31T10:30:00.000+01:00`. */
export function localTime(instantMs: number, zoneName: string): string {
  const zone = zoneOf(zoneName);
  if (zone === null) {
    throw new Error(`the time zone ${JSON.stringify(zoneName)} is not known to this version`);
  }
  const wallClockMs = zone.toWallClock(instantMs);
  const offset = Math.round((wallClockMs - instantMs) / MINUTE_MS);
  const two = (number: number) => String(number).padStart(2, '0');
  const minutes = Math.abs(offset);
  const sign = offset < 0 ? '-' : '+';
  return `${new Date(wallClockMs).toISOString().slice(0, -1)}${sign}${two(Math.floor(minutes / 60))}:${
    two(minutes % 60)
  }`;
}
