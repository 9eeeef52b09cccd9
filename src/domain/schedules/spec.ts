/** Parses a schedule from a client's JSON. Reports all problems at once, and ignores no unknown field. */
import { z } from 'zod';
import { parseCron } from '../timing/cron.ts';
import { parseDuration } from '../timing/duration.ts';
import { withAttempts, workFields } from './workFields.ts';
import { isScheduleId, type ScheduleSpec } from './schedule.ts';
import { instant, moments, tags } from './specFields.ts';
import { durationText } from '../timing/durationText.ts';
import {
  choice,
  expected,
  fields,
  kindOf,
  MAX_PROBLEMS,
  numberIn,
  parsedText,
  text,
} from '../shared/fields.ts';
import { short, unprintable } from '../shared/text.ts';
import { zoneOf } from '../timing/zone.ts';

export interface Problem {
  /**
   * JSON pointer (RFC 6901) into the body, such as "/definition/cron_expression". Empty for the body as a
   * whole.
   */
  pointer: string;
  /**
   * A sentence that starts with the field's name: "definition.cron_expression: field 2 (hours): 25 is outside
   * 0–23".
   */
  detail: string;
}

type ParsedSpec = { ok: true; spec: ScheduleSpec; id?: string } | { ok: false; problems: Problem[] };

/** Fields of responses beside the spec: ignored, so that a client can PUT what GET returned. */
const SERVER_OWNED = [
  'revision',
  'created_at',
  'updated_at',
  'next_fire_at',
  'completed',
  'last_run',
  'recent_runs',
];

const MAX_TIMES = 10_000;
const MAX_JITTER = '1h';
const MAX_RUNS = 1_000_000_000;

const id = z.string({ error: expected('a string') }).refine(
  isScheduleId,
  {
    error: ({ input }) =>
      `${short(input as string)} can't be an id; write 1 to 128 of A-Z a-z 0-9 . _ - (not just "." or "..")`,
  },
);

const common = {
  id: id.exactOptional(),
  name: text(256).exactOptional(),
  description: text(4096, { lines: true }).exactOptional(),
  tags: tags.exactOptional(),
  start_at: instant.exactOptional(),
  end_at: instant.exactOptional(),
  paused: z.boolean({ error: expected('true or false') }).default(false),
  pause_reason: text(1024).exactOptional(),
  pause_until: instant.exactOptional(),
  jitter: durationText('0s', MAX_JITTER).exactOptional(),
  max_runs: numberIn(1, MAX_RUNS, { whole: true }).exactOptional(),
  delete_after: durationText('0s', '8760h').exactOptional(),
  ...workFields,
};

const definitions = {
  cron: {
    cron_expression: parsedText('a string such as "0 9 * * MON-FRI"', (text) => {
      parseCron(text);
      // Not in the parser, which also reads what older versions stored: it takes more for white space.
      const hidden = unprintable(text, { lines: true });
      if (hidden !== null) throw new Error(`the expression ${hidden}`);
      return text;
    }),
    timezone: parsedText('a string such as "UTC"', (name) => {
      if (zoneOf(name) === null) {
        throw new Error(`${short(name)} is not understood; this version knows only "UTC"`);
      }
      return name;
    }).default('UTC'),
  },
  at_times: {
    times: moments(MAX_TIMES),
  },
  duration: {
    interval: durationText('10ms', '87600h', { wholeMs: true }),
    anchor: instant.exactOptional(),
  },
};

const schemas = {
  cron: scheduleOf(z.literal('cron'), fields('a cron definition', definitions.cron)),
  at_times: scheduleOf(z.literal('at_times'), fields('an at_times definition', definitions.at_times)),
  duration: scheduleOf(z.literal('duration'), fields('a duration definition', definitions.duration)),
};

/** For a body of unknown type: always fails, but reports the other problems too. */
const untyped = scheduleOf(
  choice(['cron', 'at_times', 'duration']).transform(() => z.NEVER),
  z.custom<never>(isObject, { error: expected('an object') }),
);

function scheduleOf<T extends z.ZodType, D extends z.ZodType>(type: T, definition: D) {
  return fields('a schedule', { type, definition, ...common })
    .refine(endsAfterStart, {
      path: ['end_at'],
      error: 'must be later than start_at',
      when: ({ value }) => isObject(value),
    })
    .refine(jittersWithinInterval, {
      path: ['jitter'],
      error: 'must be shorter than definition.interval',
      when: ({ value }) => isObject(value),
    })
    .refine(
      ({ paused, pause_reason }) => paused !== false || pause_reason === undefined,
      ofPause('pause_reason'),
    )
    .refine(
      ({ paused, pause_until }) => paused !== false || pause_until === undefined,
      ofPause('pause_until'),
    );
}

function ofPause(field: string) {
  return {
    path: [field],
    error: 'needs "paused": true; leave it out for a schedule that is not paused',
    when: ({ value }: { value: unknown }) => isObject(value),
  };
}

/**
 * Runs beside the fields' own checks, so that all problems are reported at once: it also sees the
 * results of invalid fields.
 */
function endsAfterStart(schedule: object): boolean {
  const { start_at, end_at } = schedule as Record<string, unknown>;
  return !(start_at instanceof Date && end_at instanceof Date) || end_at > start_at;
}

/** A later occurrence does not become available before an earlier one. */
function jittersWithinInterval(schedule: object): boolean {
  const { type, definition, jitter } = schedule as Record<string, unknown>;
  if (type !== 'duration' || !isObject(definition)) return true;
  const [jitterMs, intervalMs] = [jitter, definition.interval].map(durationMs);
  return jitterMs === undefined || intervalMs === undefined || jitterMs < intervalMs;
}

/** Undefined for what is not a duration: that is another problem. */
function durationMs(text: unknown): number | undefined {
  try {
    return typeof text === 'string' ? parseDuration(text) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Validates the body of a POST or PUT and fills in defaults. Returns a client's choice of id beside
 * the spec.
 */
export function parseScheduleSpec(body: unknown): ParsedSpec {
  if (!isObject(body)) {
    return {
      ok: false,
      problems: [{ pointer: '', detail: `the body: expected an object, found ${kindOf(body)}` }],
    };
  }
  const written = Object.fromEntries(Object.entries(body).filter(([key]) => !SERVER_OWNED.includes(key)));
  const type = written.type;
  const schema = type === 'cron' || type === 'at_times' || type === 'duration' ? schemas[type] : untyped;
  const parsed = schema.safeParse(written);
  if (!parsed.success) return { ok: false, problems: problemsOf(parsed.error) };
  const { id, ...spec } = parsed.data;
  return { ok: true, spec: withAttempts(spec), ...(id !== undefined && { id }) };
}

/** What is wrong with a body, as sentences. */
export function problemsOf({ issues }: z.ZodError): Problem[] {
  const problems: Problem[] = [];
  for (const issue of issues) {
    const found = issue.code !== 'unrecognized_keys'
      ? [problem(issue.path, issue.message)]
      : issue.keys.slice(0, MAX_PROBLEMS + 1).map((key) =>
        problem([...issue.path, key], otherOwner(issue.path, key) ?? issue.message)
      );
    problems.push(...found);
    if (problems.length > MAX_PROBLEMS) {
      const more = { pointer: '', detail: `the body: there are more problems than these ${MAX_PROBLEMS}` };
      return [...problems.slice(0, MAX_PROBLEMS), more];
    }
  }
  return problems;
}

/** The sentence about a definition's field that belongs to another schedule type. */
function otherOwner(path: PropertyKey[], key: string): string | null {
  if (path[0] !== 'definition') return null;
  const owner = Object.entries(definitions).find(([, shape]) => Object.hasOwn(shape, key));
  return owner ? `belongs to schedules of type ${owner[0]}, not of this one` : null;
}

function problem(path: PropertyKey[], message: string): Problem {
  const pointer = path.map((key) => '/' + String(key).replaceAll('~', '~0').replaceAll('/', '~1')).join('');
  const name = path.map((key, i) => {
    if (typeof key === 'number') return `[${key}]`;
    const plain = /^[\w-]{1,64}$/.test(String(key));
    return plain ? `${i > 0 ? '.' : ''}${String(key)}` : `[${short(String(key))}]`;
  }).join('');
  return { pointer, detail: `${name}: ${message}` };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
