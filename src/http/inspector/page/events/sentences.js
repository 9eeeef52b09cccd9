/** Events as sentences. */
import { duration, LOCAL_ZONE, wallClock } from '../shared/format.js';
import {
  attemptText,
  BEGINNINGS,
  ENDINGS,
  NOT_UNDERSTOOD,
  ROLES,
  runLook,
  spaced,
  UNKNOWN,
} from '../shared/words.js';

/** @import { LogEntry, SetBack } from '../types.d.ts' */
/** @import { Look } from '../shared/words.js' */
/** @typedef {{ text: string, tone: Look['tone'], icon: string }} Sentence */

/**
 * One event in a sentence, and its tone.
 * @param {LogEntry} entry
 * @returns {Sentence}
 */
export function describe({ type, data }) {
  if (type === 'leader') {
    return data.leader ? { text: `${data.leader} leads, term ${data.term}`, tone: 'ok', icon: 'star' } : {
      text: `no leader: the lease of term ${data.term} was ${data.by ?? 'released'}`,
      tone: 'warn',
      icon: 'alert',
    };
  }
  if (type === 'leadership') return describeTerm(data);
  if (type === 'replica') return describeReplica(data);
  if (type === 'schedule') return describeSchedule(data);
  if (type === 'clock') return describeClock(data);
  const look = runLook(data);
  const why = data.reason ? `: ${spaced(data.reason)}` : '';
  const tries = data.attempt > 1 ? `, attempt ${attemptText(data)}` : '';
  const late = data.lateness_ms >= 1000 ? `, ${duration(data.lateness_ms)} late` : '';
  const count = data.count > 1 ? ` (${data.count} occurrences)` : '';
  return {
    text: `${data.schedule_id} ${look.label}${why}${count}${tries}${late}`,
    tone: look.tone,
    icon: look.icon,
  };
}

/** @param {any} data @returns {Sentence} */
function describeSchedule({ change, id, schedule }) {
  const text = `schedule ${schedule?.name ? `${schedule.name} (${id})` : id} was ${change}`;
  if (schedule?.not_understood) {
    const { tone, icon } = NOT_UNDERSTOOD;
    return { text: `${text}; this version does not understand it: ${schedule.not_understood}`, tone, icon };
  }
  return { text, tone: 'info', icon: change === 'deleted' ? 'minus' : 'dot' };
}

/** @param {{ set_back: SetBack }} data @returns {Sentence} */
function describeClock({ set_back }) {
  const [from, to] = [Date.parse(set_back.from), Date.parse(set_back.to)];
  const [before, after] = [from, to].map((ms) => wallClock(ms, LOCAL_ZONE).slice(0, 19));
  const text = `the database’s clock was set back by ${duration(from - to)}, from ${before} to ${after}`;
  return { text, tone: 'warn', icon: 'clock' };
}

/** @param {any} term @returns {Sentence} */
function describeTerm(term) {
  if (term.ended_at) {
    const bad = ENDINGS[term.ended_by]?.bad ?? false;
    return {
      text: `term ${term.term} of ${term.replica} ended: ${term.ended_by}`,
      tone: bad ? 'warn' : 'idle',
      icon: ENDINGS[term.ended_by]?.icon ?? 'down',
    };
  }
  const gap = term.gap_ms === null ? '' : `, ${duration(term.gap_ms)} without a leader`;
  return {
    text: `term ${term.term} of ${term.replica} began: ${term.began_by}${gap}`,
    tone: 'ok',
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
      lost: `${replica.id} is lost: its heartbeats have stopped`,
      found: `${replica.id} is back: its heartbeats have resumed`,
      left: `${replica.id} has left`,
      warnings: `${replica.id}: ${
        replica.warnings?.length ? replica.warnings.join('; ') : 'its warnings are resolved'
      }`,
    }[/** @type {'lost'} */ (change)] ??
      `${replica.id}: ${change}`;
  const look = change === 'lost' ? ROLES.lost : ROLES[last?.to ?? replica.role] ?? UNKNOWN;
  return { text, tone: /** @type {Look} */ (look).tone, icon: /** @type {Look} */ (look).icon };
}
