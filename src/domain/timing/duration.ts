/** Durations in the syntax of Go's time.ParseDuration ("300ms", "1h30m", "-1.5s"), as milliseconds. */

import { characters, short } from '../shared/text.ts';

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const NS_PER_MS = 1_000_000n;

/** As in Go, the arithmetic is in nanoseconds; bigints make it exact. */
const UNIT_NS = new Map<string, bigint>([
  ['ns', 1n],
  ['us', 1000n],
  ['µs', 1000n], // U+00B5, the micro sign
  ['μs', 1000n], // U+03BC, the Greek letter
  ['ms', NS_PER_MS],
  ['s', 1000n * NS_PER_MS],
  ['m', 60_000n * NS_PER_MS],
  ['h', 3_600_000n * NS_PER_MS],
]);

/** Go's durations are signed 64-bit numbers of nanoseconds, a little more than 292 years. */
const MAX_NS = 2n ** 63n - 1n;

/** No useful duration is longer; keeps hostile input from producing huge numbers. */
const MAX_LENGTH = 100;

/** A number with an optional fraction, then everything up to the next number as its unit. */
const TERM = /([0-9]*)(\.?)([0-9]*)([^0-9.]*)/y;

/**
 * Milliseconds of a duration, by the rules of https://pkg.go.dev/time#ParseDuration: an optional sign, then
 * one or more decimal numbers, each with a unit of ns, us, ms, s, m, h; or a plain "0". Sub-millisecond parts
 * make fractional milliseconds. Throws an `Error` whose message says what is wrong with the text.
 */
export function parseDuration(text: string): number {
  if (characters(text) > MAX_LENGTH) {
    throw new Error(`a duration has at most ${MAX_LENGTH} characters, this one has ${characters(text)}`);
  }
  const negative = text.startsWith('-');
  const unsigned = text.replace(/^[-+]/, '');
  if (unsigned === '0') return 0;
  if (unsigned === '') throw notADuration(text, 'there is no number in it');

  let totalNs = 0n;
  TERM.lastIndex = 0;
  while (TERM.lastIndex < unsigned.length) {
    const [, whole = '', , fraction = '', unit = ''] = TERM.exec(unsigned) ?? [];
    totalNs += termNs(text, whole, fraction, unit);
  }
  // As in Go, the most negative number has no positive counterpart.
  if (totalNs > MAX_NS + (negative ? 1n : 0n)) throw notADuration(text, 'it is longer than 292 years');
  const ns = negative ? -totalNs : totalNs;
  return Number(ns / NS_PER_MS) + Number(ns % NS_PER_MS) / 1e6;
}

function termNs(text: string, whole: string, fraction: string, unit: string): bigint {
  if (whole === '' && fraction === '') throw notADuration(text, 'a number is missing');
  if (unit === '') throw notADuration(text, `a unit is missing after ${whole}${fraction && '.' + fraction}`);
  const unitNs = UNIT_NS.get(unit);
  if (unitNs === undefined) throw notADuration(text, `${short(unit)} is not a unit`);
  return BigInt(whole) * unitNs + BigInt(fraction) * unitNs / 10n ** BigInt(fraction.length);
}

function notADuration(text: string, why: string): Error {
  return new Error(
    `${
      short(text, MAX_LENGTH)
    } is not a duration: ${why}; write numbers with the units h, m, s, ms, us or ns, as in "1h30m" or "300ms"`,
  );
}

/**
 * The duration as Go prints it ("1h30m0s", "1.5s", "300ms", "0s"), so that `parseDuration` reads the same
 * again.
 */
export function formatDuration(ms: number): string {
  const sign = ms < 0 ? '-' : '';
  const ns = Math.round(Math.abs(ms % SECOND_MS) * 1e6);
  const wholeSeconds = Math.trunc(Math.abs(ms) / SECOND_MS);
  if (wholeSeconds === 0 && ns < 1e9) return ns === 0 ? '0s' : sign + formatBelowOneSecond(ns);

  const seconds = wholeSeconds + (ns === 1e9 ? 1 : 0);
  const fraction = ns % 1e9 === 0 ? '' : '.' + String(ns).padStart(9, '0').replace(/0+$/, '');
  const h = Math.trunc(seconds / 3600);
  const m = Math.trunc(seconds / 60) % 60;
  return `${sign}${h > 0 ? `${h}h` : ''}${h > 0 || m > 0 ? `${m}m` : ''}${seconds % 60}${fraction}s`;
}

function formatBelowOneSecond(ns: number): string {
  if (ns < 1e3) return `${ns}ns`;
  return ns < 1e6 ? `${ns / 1e3}µs` : `${ns / 1e6}ms`;
}
