/** What things are called, and the shape and tone of each state: a state is never told by colour alone. */

/** @import { LogEntry, Schedule } from './types.d.ts' */
import { duration, goDuration, plural } from './format.js';

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

export const TROUBLE = ['failed', 'timed_out', 'missed', 'abandoned'];

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

/** How a term began and ended. @type {Record<string, { icon: string, text: string }>} */
export const BEGINNINGS = {
  acquired: { icon: 'up', text: 'the lease was free' },
  'pre-empted': { icon: 'bolt', text: 'the leader’s process had died' },
};

/** @type {Record<string, { icon: string, text: string, bad: boolean }>} */
export const ENDINGS = {
  released: { icon: 'down', text: 'it stopped, and gave the lease back', bad: false },
  'stepped down': { icon: 'down', text: 'it was asked to step down', bad: false },
  expired: { icon: 'clock', text: 'it did not renew the lease in time', bad: true },
  fenced: { icon: 'cross', text: 'another replica had taken its place', bad: true },
};

/** @param {Schedule} schedule */
export function title({ name, id }) {
  return name || id;
}

/**
 * When a schedule fires, in words.
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
 * The next occurrence after a moment, where that needs no calendar; undefined when only the server can tell.
 * @param {Schedule} schedule
 * @param {number} nowMs
 * @returns {number | null | undefined}
 */
export function nextFireMs(schedule, nowMs) {
  const { paused, type, definition, created_at, start_at, end_at, next_fire_at, not_understood } = schedule;
  if (paused || not_understood !== undefined) return null;
  const told = next_fire_at === null ? null : Date.parse(next_fire_at);
  if (told === null || told > nowMs) return told;
  const within = (/** @type {number} */ ms) => end_at && ms > Date.parse(end_at) ? null : ms;
  if (type === 'duration') {
    const every = goDuration(definition.interval ?? '');
    if (!every || start_at) return undefined;
    const anchor = Date.parse(definition.anchor ?? created_at);
    return within(anchor + Math.max(1, Math.ceil((nowMs - anchor) / every)) * every);
  }
  if (type === 'at_times') {
    // A list tells only one of them.
    if (!Array.isArray(definition.times)) return undefined;
    const next = definition.times.map((time) => Date.parse(time)).find((ms) => ms > nowMs);
    return next === undefined ? null : within(next);
  }
  return undefined;
}

/**
 * One event in a sentence, and its tone.
 * @param {LogEntry} entry
 * @returns {{ text: string, tone: Look['tone'], icon: string }}
 */
export function describe({ type, data }) {
  if (type === 'leader') {
    return data.leader ? { text: `${data.leader} leads, term ${data.term}`, tone: 'ok', icon: 'star' } : {
      text: `nobody leads: the lease of term ${data.term} was ${data.by ?? 'given back'}`,
      tone: 'warn',
      icon: 'alert',
    };
  }
  if (type === 'leadership') return describeTerm(data);
  if (type === 'replica') return describeReplica(data);
  if (type === 'schedule') {
    const name = data.schedule?.name ? `${data.schedule.name} (${data.id})` : data.id;
    return {
      text: `schedule ${name} was ${data.change}`,
      tone: 'info',
      icon: data.change === 'deleted' ? 'minus' : 'dot',
    };
  }
  const look = RUN_STATES[data.state] ?? UNKNOWN;
  const late = data.lateness_ms >= 1000 ? `, ${duration(data.lateness_ms)} late` : '';
  const count = data.count > 1 ? ` (${data.count} occurrences)` : '';
  return { text: `${data.schedule_id} ${look.label}${count}${late}`, tone: look.tone, icon: look.icon };
}

/** @param {any} term */
function describeTerm(term) {
  if (term.ended_at) {
    const bad = ENDINGS[term.ended_by]?.bad ?? false;
    return {
      text: `term ${term.term} of ${term.replica} ended: ${term.ended_by}`,
      tone: /** @type {Look['tone']} */ (bad ? 'warn' : 'idle'),
      icon: ENDINGS[term.ended_by]?.icon ?? 'down',
    };
  }
  const gap = term.gap_ms === null ? '' : `, ${duration(term.gap_ms)} without a leader`;
  return {
    text: `term ${term.term} of ${term.replica} began: ${term.began_by}${gap}`,
    tone: /** @type {Look['tone']} */ ('ok'),
    icon: BEGINNINGS[term.began_by]?.icon ?? 'up',
  };
}

/** @param {any} data */
function describeReplica({ change, replica, transitions }) {
  const last = transitions?.at(-1);
  const text = change === 'role'
    ? `${replica.id}: ${
      [transitions?.[0]?.from, ...(transitions ?? []).map((/** @type {any} */ each) => each.to)].filter(
        Boolean,
      ).join(' → ') || replica.role
    }`
    : {
      announced: `${replica.id} has joined`,
      lost: `${replica.id} is not heard any more`,
      found: `${replica.id} is heard again`,
      left: `${replica.id} has left`,
      warnings: `${replica.id}: ${
        replica.warnings?.length ? replica.warnings.join('; ') : 'no warnings any more'
      }`,
    }[/** @type {'lost'} */ (change)] ??
      `${replica.id}: ${change}`;
  const look = change === 'lost' ? ROLES.lost : ROLES[last?.to ?? replica.role] ?? UNKNOWN;
  return { text, tone: /** @type {Look} */ (look).tone, icon: /** @type {Look} */ (look).icon };
}
