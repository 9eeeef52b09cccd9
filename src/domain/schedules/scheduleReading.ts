/**
 * Reads stored schedules. A newer version, or a manual edit, may have written one. What this
 * version does not fully understand is set aside: acting on a part of it would run another schedule
 * (an unknown field may forbid what the known ones ask for). Fields that older versions did not
 * write have defaults. Plain checks, not the schemas of spec.ts: a starting replica reads every
 * document of the store here.
 */
import { parseDuration } from '../timing/duration.ts';
import { parseCron } from '../timing/cron.ts';
import { httpActionProblem } from '../actions/httpReading.ts';
import type { ListedSchedule } from './listing.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { isScheduleId, isUnderstood, type NotUnderstood, type Schedule } from './schedule.ts';
import type { Superseded } from '../timing/timing.ts';
import { shown } from '../shared/reading.ts';
import { zoneOf } from '../timing/zone.ts';

/** Fields in the domain's form, `id` and `Date`s, with unchecked types. */
export type StoredRecord = Readonly<Record<string, unknown>>;

/** The schedule, or the first reason why it is not understood. */
export function readSchedule(stored: StoredRecord): Schedule | NotUnderstood {
  const problem = scheduleProblem(stored);
  if (problem !== null) return { id: String(stored.id), not_understood: problem };
  const schedule = stored as unknown as Schedule;
  const { revision, effective_from } = schedule;
  return {
    ...schedule,
    policy: { ...DEFAULT_POLICY, ...schedule.policy },
    timing_revision: schedule.timing_revision ?? revision,
    written_at: schedule.written_at ?? effective_from,
    superseded: schedule.superseded.map((old) => ({ ...old, written_at: old.written_at ?? old.from })),
  };
}

/** The same for a listed schedule: moments summarised, no superseded timings. */
export function readListed(stored: StoredRecord): ListedSchedule | NotUnderstood {
  const { type, definition } = stored;
  const times = type === 'at_times' && isRecord(definition) ? definition.times : null;
  const whole = isRecord(times) ? { ...definition as StoredRecord, times: [times.first] } : definition;
  const read = readSchedule({ ...stored, definition: whole, superseded: [] });
  if (!isUnderstood(read)) return read;
  const { superseded: _, ...listed } = read;
  return { ...listed, definition } as ListedSchedule;
}

type Check = (value: unknown) => string | null;

const isDate: Check = (value) =>
  value instanceof Date && !Number.isNaN(value.getTime()) ? null : 'is not a date';
const isText: Check = (value) => typeof value === 'string' ? null : 'is not a string';
const isId: Check = (value) =>
  isText(value) ?? (isScheduleId(value as string) ? null : 'is not a valid schedule id');
const isBoolean: Check = (value) => typeof value === 'boolean' ? null : 'is neither true nor false';
const isRevision: Check = (value) =>
  Number.isSafeInteger(value) && (value as number) >= 1 ? null : 'is not a whole number from 1';
const isDuration: Check = (value) => isText(value) ?? thrown(() => parseDuration(value as string));
const isPositive: Check = (value) =>
  isDuration(value) ?? (parseDuration(value as string) > 0 ? null : 'is not longer than 0');
const isZone: Check = (value) =>
  typeof value === 'string' && zoneOf(value) !== null
    ? null
    : `is ${shown(value)}, which this version does not know`;
const isCron: Check = (value) => isText(value) ?? thrown(() => readableCron(value as string));
const isOneOf = (...words: string[]): Check => (value) =>
  words.includes(value as string) ? null : `is ${shown(value)}, which this version does not know`;
const isTags: Check = (value) =>
  isRecord(value) && Object.values(value).every((tag) => typeof tag === 'string')
    ? null
    : 'is not a map of strings';
const isTimes: Check = (value) =>
  Array.isArray(value) && value.length > 0 && value.every((time) => isDate(time) === null)
    ? null
    : 'is not a list of dates';
const isSuperseded: Check = (value) => {
  if (!Array.isArray(value)) return 'is not a list';
  for (const old of value) {
    const problem = isRecord(old) ? fieldsProblem(old, SUPERSEDED) ?? timingProblem(old) : 'is not an object';
    if (problem !== null) return `has an entry that this version does not understand: ${problem}`;
  }
  return null;
};

const isShare: Check = (value) =>
  typeof value === 'number' && value >= 0 && value <= 1 ? null : 'is not a number from 0 to 1';
const isFactor: Check = (value) =>
  typeof value === 'number' && value >= 1 ? null : 'is not a number of at least 1';
const isCountOrNull: Check = (value) => value === null ? null : isRevision(value);
const isRetry: Check = (value) =>
  part({
    needed: {
      max_attempts: isRevision,
      initial_backoff: isDuration,
      multiplier: isFactor,
      max_backoff: isDuration,
    },
    optional: {},
  })(value);
const isLogAction: Check = (value) =>
  part({ needed: { type: isOneOf('log') }, optional: { takes: isDuration, fails: isShare } })(
    value,
  );
const isAction: Check = (value) =>
  isRecord(value) && value.type === 'http' ? httpActionProblem(value) : isLogAction(value);

interface Fields {
  needed: Readonly<Record<string, Check>>;
  optional: Readonly<Record<string, Check>>;
}

const TIMING = { start_at: isDate, end_at: isDate };
/** `timingProblem` checks these, in sentences of its own. */
const PARTS: Readonly<Record<string, Check>> = { type: () => null, definition: () => null };

const isHistory = part({ needed: { success: isDuration, failure: isDuration }, optional: {} });
const isOnExecutorLoss = isOneOf('retry', 'abandon');

const isAny: Check = () => null;
/** What a run was claimed with: null, or the problem as a part of a sentence. */
export const workProblem: Check = part({
  needed: {
    action: isAction,
    policy: part({
      needed: { timeout: isPositive, retry: isRetry, on_executor_loss: isOnExecutorLoss },
      // The rest of a schedule's policy has no meaning for its runs.
      optional: { catch_up: isAny, catch_up_window: isAny, overlap: isAny, pause_after_failures: isAny },
    }),
    history: isHistory,
  },
  optional: { name: isText },
});

const SCHEDULE: Fields = {
  needed: {
    ...PARTS,
    id: isId,
    paused: isBoolean,
    action: isAction,
    policy: part({
      needed: {
        catch_up: isOneOf('all', 'latest', 'none'),
        catch_up_window: isDuration,
        on_executor_loss: isOnExecutorLoss,
      },
      // Older versions did not write these.
      optional: {
        overlap: isOneOf('allow', 'skip', 'queue', 'replace'),
        timeout: isPositive,
        retry: isRetry,
        pause_after_failures: isCountOrNull,
      },
    }),
    history: isHistory,
    revision: isRevision,
    created_at: isDate,
    updated_at: isDate,
    effective_from: isDate,
    superseded: isSuperseded,
  },
  optional: {
    ...TIMING,
    name: isText,
    description: isText,
    tags: isTags,
    pause_reason: isText,
    pause_until: isDate,
    jitter: isDuration,
    max_runs: isRevision,
    delete_after: isDuration,
    timing_revision: isRevision,
    written_at: isDate,
  },
};

const SUPERSEDED: Fields = {
  needed: { ...PARTS, revision: isRevision, from: isDate, until: isDate },
  optional: { ...TIMING, written_at: isDate },
};

const DEFINITIONS: Readonly<Record<Schedule['type'], Fields>> = {
  cron: { needed: { cron_expression: isCron, timezone: isZone }, optional: {} },
  at_times: { needed: { times: isTimes }, optional: {} },
  duration: { needed: { interval: isPositive }, optional: { anchor: isDate } },
};

function scheduleProblem(stored: StoredRecord): string | null {
  // The timing first: other unknown fields follow from it.
  return timingProblem(stored) ?? fieldsProblem(stored, SCHEDULE);
}

/** The first reason why a stored rule is not understood, as a part of a sentence. */
export function timingProblem({ type, definition }: StoredRecord): string | null {
  if (typeof type !== 'string' || !Object.hasOwn(DEFINITIONS, type)) {
    return `type is ${shown(type)}, which this version does not know`;
  }
  if (!isRecord(definition)) return 'definition is not an object';
  const problem = fieldsProblem(definition, DEFINITIONS[type as Superseded['type']]);
  return problem === null ? null : `definition.${problem}`;
}

/** A check of a nested object. */
function part(fields: Fields): Check {
  return (value) => {
    if (!isRecord(value)) return 'is not an object';
    const problem = fieldsProblem(value, fields);
    return problem === null ? null : `has ${problem}`;
  };
}

function fieldsProblem(record: StoredRecord, { needed, optional }: Fields): string | null {
  for (const name in needed) {
    const problem = record[name] === undefined ? 'is missing' : (needed[name] as Check)(record[name]);
    if (problem !== null) return `${name} ${problem}`;
  }
  for (const name in record) {
    if (Object.hasOwn(needed, name) || record[name] === undefined) continue;
    const check = Object.hasOwn(optional, name) ? optional[name] : undefined;
    const problem = check === undefined ? 'is a field that this version does not know' : check(record[name]);
    if (problem !== null) return `${name} ${problem}`;
  }
  return null;
}

/** Most expressions occur in many schedules. */
const READABLE_CRONS = new Set<string>();
const MAX_READABLE_CRONS = 4096;

function readableCron(expression: string): void {
  if (READABLE_CRONS.has(expression)) return;
  parseCron(expression);
  if (READABLE_CRONS.size >= MAX_READABLE_CRONS) READABLE_CRONS.clear();
  READABLE_CRONS.add(expression);
}

function thrown(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (error) {
    return `is not understood by this version: ${(error as Error).message}`;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
