/** Converts a schedule to the fields of the form, and back. Pure. */

import { ACTION_FIELDS, actionFieldsOf, actionOf } from './formAction.js';
import { entriesOf, linesOf, numberOr, parts, put } from './formText.js';

/** @import { FieldProblem } from '../types.d.ts' */

/** @typedef {Record<string, string>} Fields the text in each field, by its pointer in the body */

/** The time zones that the API accepts. */
const ZONES = ['UTC', 'Etc/UTC'];

/**
 * The zones on offer, including the schedule's present one, which a newer version may have set.
 * @param {string} [present]
 */
export function zones(present) {
  return present && !ZONES.includes(present) ? [...ZONES, present] : ZONES;
}

/** Fields that are a string in the body; empty ones are left out. */
const PLAIN = [
  ...['/id', '/name', '/description', '/start_at', '/end_at', '/pause_reason', '/pause_until', '/jitter'],
  ...[
    '/policy/catch_up',
    '/policy/catch_up_window',
    '/policy/overlap',
    '/policy/timeout',
    '/policy/retry/initial_backoff',
    '/policy/retry/max_backoff',
    '/policy/on_executor_loss',
    '/history/success',
    '/history/failure',
  ],
];
/** The same for numbers. */
const NUMBERS = ['/policy/retry/max_attempts', '/policy/retry/multiplier', '/max_runs'];
/** @type {Record<string, string[]>} */
const BY_TYPE = {
  cron: ['/definition/cron_expression', '/definition/timezone'],
  duration: ['/definition/interval', '/definition/anchor'],
  at_times: ['/definition/times'],
};
const POINTERS = [
  ...[...PLAIN, ...NUMBERS, '/type', '/tags', '/paused'],
  ...Object.values(BY_TYPE).flat(),
  ...ACTION_FIELDS,
];
const SERVER_OWNED = [
  'revision',
  'created_at',
  'updated_at',
  'next_fire_at',
  'completed',
  'last_run',
  'recent_runs',
  'id',
];

/** @returns {Fields} the fields of a new schedule */
export function blank() {
  return {
    '/type': 'cron',
    '/definition/cron_expression': '*/5 * * * *',
    '/definition/timezone': 'UTC',
    '/definition/interval': '30s',
    '/paused': '',
    '/action/type': 'log',
  };
}

/**
 * @param {any} body a schedule
 * @returns {Fields}
 */
export function fieldsOf(body) {
  const fields =
    /** @type {Fields} */ ({ '/type': body.type ?? 'cron', '/paused': body.paused ? 'yes' : '' });
  for (const pointer of [...PLAIN, ...NUMBERS, ...Object.values(BY_TYPE).flat()]) {
    const value = pointer.slice(1).split('/').reduce((at, key) => at?.[key], body);
    if (Array.isArray(value)) fields[pointer] = value.join('\n');
    else if (value !== undefined && value !== null) fields[pointer] = String(value);
  }
  fields['/tags'] = linesOf(body.tags);
  return { ...fields, ...actionFieldsOf(body.action) };
}

/**
 * The body for the fields. Keeps from `base` whatever has no field in the form.
 * @param {Fields} fields
 * @param {any} [base]
 */
export function bodyOf(fields, base = {}) {
  const body = structuredClone(base);
  for (const key of SERVER_OWNED) delete body[key];
  const type = fields['/type'] ?? 'cron';
  body.type = type;
  // The API refuses fields of another type.
  body.definition = base.type === type ? { ...base.definition } : {};
  for (const pointer of [...PLAIN, ...(BY_TYPE[type] ?? [])]) {
    put(body, pointer, fields[pointer]?.trim() ?? '');
  }
  for (const pointer of NUMBERS) put(body, pointer, numberOr(fields[pointer]?.trim() ?? ''));
  if (type === 'at_times') body.definition.times = parts(fields['/definition/times']);
  body.paused = fields['/paused'] === 'yes';
  if (!body.paused) {
    delete body.pause_reason;
    delete body.pause_until;
  }
  const tags = entriesOf(fields['/tags']);
  if (tags.length > 0) body.tags = Object.fromEntries(tags);
  else delete body.tags;
  body.action = actionOf(fields, base.action);
  return body;
}

/**
 * The problems by field, each once: those inside a list or a map belong to its field, and those of no field to
 * the empty pointer.
 * @param {readonly FieldProblem[]} problems
 * @returns {Map<string, string[]>}
 */
export function byField(problems) {
  const found = new Map();
  for (const { pointer, detail } of problems) {
    const field = POINTERS.findLast((each) => pointer === each || pointer.startsWith(`${each}/`)) ?? '';
    // At its own field, a problem need not name the field.
    const text = pointer === field ? detail.replace(/^[a-z_.]+: /, '') : detail;
    found.set(field, [...new Set([...found.get(field) ?? [], text])]);
  }
  return found;
}
