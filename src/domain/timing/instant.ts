/**
 * Instants as users write them: RFC 3339, `2026-01-31T09:30:00Z` or with an offset as in
 * `2026-01-31T10:30:00+01:00`.
 */
import { MINUTE_MS, SECOND_MS } from './duration.ts';
import { short } from '../shared/text.ts';

/**
 * The last millisecond of the year 9999. No occurrence lies beyond: run ids keep one format, and
 * RFC 3339 ends there.
 */
export const LAST_INSTANT_MS = Date.UTC(10_000, 0, 1) - 1;

/** Start of the year 0, the first that RFC 3339 can write. */
export const FIRST_INSTANT_MS = Date.parse('0000-01-01T00:00:00Z');

const RFC_3339 = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/i;

/**
 * Epoch milliseconds; finer fractions are cut off. Stricter than `Date.parse`: without an offset, a
 * time would depend on the machine. A leap second, 23:59:60 UTC at the end of a month (RFC 3339,
 * 5.7), is read as the second after it, since no clock here counts it. Throws an `Error` whose
 * message says what is wrong with the text.
 */
export function parseInstant(text: string): number {
  const shown = short(text);
  const [, date, time, fraction = '', sign, hours = '0', minutes = '0'] = RFC_3339.exec(text) ?? [];
  if (date === undefined) {
    throw new Error(
      `${shown} is not an RFC 3339 time; write one such as "2026-01-31T09:30:00Z" or "2026-01-31T10:30:00+01:00"`,
    );
  }
  const isLeapSecond = time?.endsWith(':60') === true;
  const counted = isLeapSecond ? `${time.slice(0, -2)}59` : time;
  const written = `${date}T${counted}.${fraction.slice(1, 4).padEnd(3, '0')}Z`;
  const localMs = Date.parse(written);
  // Date.parse turns 24:00 into the next day's start, and some engines 30 February into March: an
  // existing time reads back the same.
  if (
    Number.isNaN(localMs) || new Date(localMs).toISOString() !== written || Number(hours) > 23 ||
    Number(minutes) > 59
  ) {
    throw new Error(`${shown} is a date or time that does not exist`);
  }
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS * (sign === '-' ? -1 : 1);
  const instantMs = localMs - offsetMs + (isLeapSecond ? SECOND_MS : 0);
  if (isLeapSecond && !beginsMonth(instantMs)) {
    throw new Error(
      `${shown} is a date or time that does not exist: a leap second ends the last day of a month, UTC`,
    );
  }
  if (instantMs < FIRST_INSTANT_MS || instantMs > LAST_INSTANT_MS) {
    throw new Error(`${shown} is outside of what can be scheduled, 0000-01-01 to 9999-12-31 UTC`);
  }
  return instantMs;
}

/** Whether it lies in the first second of a month. */
function beginsMonth(instantMs: number): boolean {
  return new Date(instantMs).toISOString().slice(-17, -5) === '-01T00:00:00';
}
