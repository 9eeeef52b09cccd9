/** Labels, and the icon and tone of each state: colour alone never shows a state. */

/** @import { NotUnderstood, Run, Schedule } from '../types.d.ts' */
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

/** An open run that no executor has. @type {Look} */
const WAITING = { label: 'waiting', tone: 'info', icon: 'clock' };

/** What such a run waits for. @type {Record<string, string>} */
const WAITS_FOR = {
  place: 'a free place on an executor',
  overlap: 'its turn: another run of the schedule is open',
  jitter: 'its time, delayed by jitter',
  retry: 'its next attempt',
};

/** @type {Look} */
const LOST = { label: 'executor lost', tone: 'bad', icon: 'minus' };

/** @param {Pick<Run, 'state' | 'waiting_for'>} run @returns {Look} */
export function runLook({ state, waiting_for }) {
  if (state === 'claimed' && waiting_for) return WAITING;
  return RUN_STATES[state] ?? { ...UNKNOWN, label: state };
}

/** @param {{ state: string }} attempt @returns {Look} */
export function attemptLook({ state }) {
  return state === 'lost' ? LOST : runLook({ state });
}

/**
 * What an open run without an executor waits for; null for any other run.
 * @param {Pick<Run, 'waiting_for' | 'available_at'>} run
 * @param {number} nowMs
 */
export function waitsFor({ waiting_for, available_at }, nowMs) {
  if (!waiting_for) return null;
  const isDue = waiting_for !== 'overlap' && Date.parse(available_at ?? '') <= nowMs;
  return WAITS_FOR[isDue ? 'place' : waiting_for] ?? waiting_for;
}

/** `2`, or `2 of 3`. Lost attempts use up none, so that there may be more. @param {Run} run */
export function attemptText({ attempt, max_attempts = 1 }) {
  return max_attempts > 1 && attempt <= max_attempts ? `${attempt} of ${max_attempts}` : String(attempt);
}

/** @param {string} word such as `schedule_deleted` */
export function spaced(word) {
  return word.replaceAll('_', ' ');
}

export const OPEN = ['claimed', 'running', 'retrying'];
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
