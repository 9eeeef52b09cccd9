/** Formats of numbers and times, the same everywhere. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @param {number} count */
export function number(count) {
  return count.toLocaleString('en-US');
}

/**
 * A duration in two units at most: `84 ms`, `1.2 s`, `3 min 4 s`, `2 d 5 h`.
 * @param {number} ms
 * @returns {string}
 */
export function duration(ms) {
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  return wholeDuration(ms);
}

/**
 * The same for a countdown, without a fraction.
 * @param {number} ms
 */
export function wholeDuration(ms) {
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return pair(ms, MINUTE, 'min', SECOND, 's');
  if (ms < DAY) return pair(ms, HOUR, 'h', MINUTE, 'min');
  return pair(ms, DAY, 'd', HOUR, 'h');
}

/**
 * @param {number} ms
 * @param {number} big
 * @param {string} bigName
 * @param {number} small
 * @param {string} smallName
 */
function pair(ms, big, bigName, small, smallName) {
  const rest = Math.floor((ms % big) / small);
  return `${Math.floor(ms / big)} ${bigName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}

/**
 * `in 12 s`, `just now`, `3 min 4 s ago`.
 * @param {number} atMs
 * @param {number} nowMs
 */
export function relative(atMs, nowMs) {
  const ms = nowMs - atMs;
  if (Math.abs(ms) < SECOND) return ms >= 0 ? 'just now' : 'now';
  return ms > 0 ? `${wholeDuration(ms)} ago` : `in ${wholeDuration(-ms)}`;
}

/** Cached: creating one is slow. @type {Map<string, Intl.DateTimeFormat>} */
const formatters = new Map();

/** @param {string} zone */
function formatterOf(zone) {
  const known = formatters.get(zone);
  if (known) return known;
  const made = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 },
  });
  formatters.set(zone, made);
  return made;
}

/**
 * `2026-11-24 02:35:28.123`, in a zone.
 * @param {number} ms
 * @param {string} zone
 */
export function wallClock(ms, zone) {
  const parts = Object.fromEntries(
    formatterOf(zone).formatToParts(ms).map(({ type, value }) => [type, value]),
  );
  const { year, month, day, hour, minute, second, fractionalSecond } = parts;
  return `${year}-${month}-${day} ${hour}:${minute}:${second}.${fractionalSecond}`;
}

/**
 * Local time of day: `14:02:11`, optionally with milliseconds.
 * @param {number} ms
 * @param {boolean} [fine]
 */
export function clockTime(ms, fine = false) {
  return wallClock(ms, LOCAL_ZONE).slice(11, fine ? 23 : 19);
}

/**
 * The tip of a time: UTC, local time and the schedule's zone.
 * @param {number} ms
 * @param {string} [zone]
 */
export function allZones(ms, zone) {
  const zones = [...new Set(['UTC', LOCAL_ZONE, ...(zone ? [zone] : [])])];
  return zones.map((name) => `${wallClock(ms, name)}  ${name}${name === LOCAL_ZONE ? ' (here)' : ''}`).join(
    '\n',
  );
}

const UNITS = { h: HOUR, m: MINUTE, s: SECOND, ms: 1, us: 1e-3, 'µs': 1e-3, ns: 1e-6 };

/**
 * A Go duration in ms, null for any other text.
 * @param {string} text
 */
export function goDuration(text) {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ms|us|µs|ns|h|m|s)/g)];
  if (parts.map(([part]) => part).join('') !== text || parts.length === 0) return null;
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[/** @type {'h'} */ (unit)], 0);
}

/**
 * The first characters of an id, for narrow places.
 * @param {string} id
 * @param {number} length
 */
export function short(id, length = 8) {
  return id.length > length + 1 ? `${id.slice(0, length)}…` : id;
}

/**
 * `one run`, `3 runs`.
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${count === 1 ? 'one' : number(count)} ${noun}${count === 1 ? '' : 's'}`;
}
