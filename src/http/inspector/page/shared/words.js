/** Labels, and the icon and tone of each state: colour alone never shows a state. */

/** @import { NotUnderstood, Schedule } from '../types.d.ts' */
import { goDuration, plural } from './format.js';

/** @typedef {{ label: string, tone: 'ok' | 'bad' | 'warn' | 'info' | 'idle', icon: string }} Look */

/** @type {Record<string, Look>} */
export const RUN_STATES = {
  claimed: { label: 'claimed', tone: 'info', icon: 'dot' },
  running: { label: 'running', tone: 'info', icon: 'play' },
  retrying: { label: 'retrying', tone: 'warn', icon: 'loop' },
  succeeded: { label: 'succeeded', tone: 'ok', icon: 'check' },
  failed: { label: 'failed', tone: 'bad', icon: 'cross' },
  timed_out: { label: 'timed out', tone: 'bad', icon: 'clock' },
  cancelled: { label: 'cancelled', tone: 'idle', icon: 'ban' },
  skipped: { label: 'skipped', tone: 'idle', icon: 'skip' },
  missed: { label: 'missed', tone: 'warn', icon: 'alert' },
  abandoned: { label: 'abandoned', tone: 'bad', icon: 'minus' },
};

export const FAILURES = ['failed', 'timed_out', 'missed', 'abandoned'];

/** @type {Record<string, Look>} */
export const ROLES = {
  leader: { label: 'leader', tone: 'ok', icon: 'star' },
  follower: { label: 'follower', tone: 'idle', icon: 'ring' },
  candidate: { label: 'candidate', tone: 'info', icon: 'half' },
  resigning: { label: 'resigning', tone: 'warn', icon: 'skip' },
  draining: { label: 'draining', tone: 'warn', icon: 'skip' },
  stopped: { label: 'stopped', tone: 'idle', icon: 'minus' },
  lost: { label: 'lost', tone: 'bad', icon: 'cross' },
};

/** @type {Look} */
export const UNKNOWN = { label: 'unknown', tone: 'idle', icon: 'ring' };

/** @type {Look} */
export const NOT_UNDERSTOOD = { label: 'not understood', tone: 'warn', icon: 'question' };

/**
 * Whether the record is complete: the answering replica's version understands the stored document.
 * @template {object} T
 * @param {T | NotUnderstood} record
 * @returns {record is T}
 */
export function isUnderstood(record) {
  return !('not_understood' in record);
}

/** How a term began and ended. @type {Record<string, { icon: string, text: string }>} */
export const BEGINNINGS = {
  acquired: { icon: 'up', text: 'the lease was free' },
  'pre-empted': { icon: 'bolt', text: 'the leader’s process had died' },
};

/** @type {Record<string, { icon: string, text: string, bad: boolean }>} */
export const ENDINGS = {
  released: { icon: 'down', text: 'it stopped and released the lease', bad: false },
  'stepped down': { icon: 'down', text: 'it was asked to step down', bad: false },
  expired: { icon: 'clock', text: 'it did not renew the lease in time', bad: true },
  fenced: { icon: 'cross', text: 'another replica had acquired the lease', bad: true },
};

/** @param {{ id: string, name?: string }} schedule */
export function title({ name, id }) {
  return name || id;
}

/**
 * A schedule's timing, in words.
 * @param {Pick<Schedule, 'type' | 'definition'>} schedule
 */
export function timing({ type, definition }) {
  if (type === 'cron') {
    const zone = definition.timezone ?? 'UTC';
    return `${definition.cron_expression} · ${zone}`;
  }
  if (type === 'duration') return `every ${definition.interval}`;
  const { times = [] } = definition;
  return `at ${plural(Array.isArray(times) ? times.length : times.count, 'time')}`;
}

/**
 * The next occurrence after a moment, where that needs no calendar; undefined when only the server
 * can compute it.
 * @param {Schedule} schedule
 * @param {number} nowMs
 * @returns {number | null | undefined}
 */
export function nextFireMs({ paused, type, definition, created_at, start_at, end_at, next_fire_at }, nowMs) {
  if (paused) return null;
  const known = next_fire_at === null ? null : Date.parse(next_fire_at);
  if (known === null || known > nowMs) return known;
  const within = (/** @type {number} */ ms) => end_at && ms > Date.parse(end_at) ? null : ms;
  if (type === 'duration') {
    const every = goDuration(definition.interval ?? '');
    if (!every || start_at) return undefined;
    const anchor = Date.parse(definition.anchor ?? created_at);
    return within(anchor + Math.max(1, Math.ceil((nowMs - anchor) / every)) * every);
  }
  if (type === 'at_times') {
    const { times = [] } = definition;
    // A list carries only the next of them, and the last.
    if (!Array.isArray(times)) return Date.parse(times.last) <= nowMs ? null : undefined;
    const next = times.map((time) => Date.parse(time)).find((ms) => ms > nowMs);
    return next === undefined ? null : within(next);
  }
  return undefined;
}

/**
 * Whether it has no future occurrence, and would have none after a resume.
 * @param {Schedule} schedule
 * @param {number} nowMs
 */
export function isCompleted(schedule, nowMs) {
  return schedule.completed || (!schedule.paused && nextFireMs(schedule, nowMs) === null);
}
