/** Field types of a schedule's body, each with sentences for its possible problems. */
import { z } from 'zod';
import { formatDuration, parseDuration } from '../timing/duration.ts';
import { parseInstant } from '../timing/instant.ts';
import { characters, short, unprintable } from '../shared/text.ts';

type RawIssue = z.core.$ZodRawIssue;

/** Problems reported per body: finding more would take longer than they are worth. */
export const MAX_PROBLEMS = 100;

export const MAX_TAGS = 64;
const MAX_TAG_NAME = 128;
const MAX_TAG_VALUE = 256;

/** "expected …, found …" for a value of another type, in terms that a client's author uses. */
export function expected(phrase: string): (issue: RawIssue) => string {
  return ({ input }) =>
    input === undefined ? `is missing; write ${phrase}` : `expected ${phrase}, found ${kindOf(input)}`;
}

/** What a JSON value is. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** An object with these fields and no others. The error of an unknown field continues after its name. */
export function fields<T extends z.core.$ZodLooseShape>(of: string, shape: T) {
  const known = Object.keys(shape).join(', ');
  const mismatch = expected(`an object with the fields of ${of} (${known})`);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `is not known; the fields of ${of} are ${known}` : mismatch(issue),
  });
}

/** Text for people: on one line, unless `lines` is set. */
export function text(maxLength: number, options: { lines?: boolean } = {}) {
  return z.string({ error: expected('a string') }).superRefine((text, context) => {
    const message = tooLong(text, maxLength) ?? unprintable(text, options);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
}

function tooLong(text: string, maxLength: number): string | null {
  const length = characters(text);
  return length > maxLength ? `has ${length} characters; at most ${maxLength} are allowed` : null;
}

/** One of a few words. */
export function choice<const T extends readonly string[]>(words: T) {
  const phrase = (words.length > 1 ? 'one of ' : '') + words.map((word) => JSON.stringify(word)).join(', ');
  const mismatch = expected(phrase);
  return z.enum(words, {
    error: (issue) =>
      typeof issue.input === 'string' ? `expected ${phrase}, found ${short(issue.input)}` : mismatch(issue),
  });
}

/** A number from `min` to `max`. */
export function numberIn(min: number, max: number, { whole = false } = {}) {
  const phrase = `a ${whole ? 'whole ' : ''}number from ${min} to ${max}`;
  return z.number({ error: expected(phrase) }).superRefine((value, context) => {
    if (value >= min && value <= max && (!whole || Number.isInteger(value))) return;
    context.addIssue({ code: 'custom', message: `${value} is not ${phrase}` });
  });
}

/** A string converted by `parse`, which throws a sentence when it fails. */
export function parsedText<T>(phrase: string, parse: (text: string) => T) {
  return z.string({ error: expected(phrase) }).transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });
}

export const instant = parsedText(
  'an RFC 3339 time such as "2026-01-31T09:30:00Z"',
  (text) => new Date(parseInstant(text)),
);

/** 1 to `max` moments, sorted, without duplicates. Parsed one by one, to stop after too many errors. */
export function moments(max: number) {
  return z.unknown().transform((value, context) => {
    const refuse = (message: string, index?: number) => {
      context.addIssue({ code: 'custom', message, path: index === undefined ? [] : [index] });
      return z.NEVER;
    };
    if (isTimesSummary(value)) {
      return refuse(
        'is the summary shown in lists and events; write the times, as GET /schedules/{id} returns them',
      );
    }
    if (!Array.isArray(value)) {
      return refuse(expected('an array of RFC 3339 times')({ input: value } as RawIssue));
    }
    if (value.length === 0) return refuse('is empty; write at least one time');
    if (value.length > max) return refuse(`has ${value.length} times; at most ${max} are allowed`);
    const found = new Set<number>();
    let problems = 0;
    for (let index = 0; index < value.length; index++) {
      try {
        found.add(momentOf(value[index]));
      } catch (error) {
        refuse((error as Error).message, index);
        if (++problems > MAX_PROBLEMS) break;
      }
    }
    return problems > 0 ? z.NEVER : [...found].sort((a, b) => a - b).map((ms) => new Date(ms));
  });
}

function momentOf(value: unknown): number {
  if (typeof value === 'string') return parseInstant(value);
  throw new Error(expected('an RFC 3339 time such as "2026-01-31T09:30:00Z"')({ input: value } as RawIssue));
}

function isTimesSummary(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'count' in value && 'first' in value;
}

/** A Go duration from `min` to `max`, kept as the user wrote it. */
export function durationText(min: string, max: string, { wholeMs = false } = {}) {
  return parsedText('a string such as "300ms"', (text) => {
    const ms = parseDuration(text);
    const written = formatDuration(ms);
    if (ms < 0) throw new Error(`${written} is negative; write ${min} to ${max}`);
    if (ms < parseDuration(min)) throw new Error(`${written} is too short; write at least ${min}`);
    if (ms > parseDuration(max)) throw new Error(`${written} is too long; write at most ${max}`);
    if (wholeMs && !Number.isInteger(ms)) throw new Error(`${written} is not a whole number of milliseconds`);
    return text;
  });
}

/** A map of strings. Not `z.record`, which silently drops a key of "__proto__". */
export const tags = z.unknown().transform((value, context) => {
  const refuse = (message: string, key?: string) =>
    context.addIssue({ code: 'custom', message, path: key === undefined ? [] : [key] });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(`expected an object of strings such as {"team": "billing"}, found ${kindOf(value)}`);
    return z.NEVER;
  }
  const entries = Object.entries(value);
  if (entries.length > MAX_TAGS) {
    refuse(`has ${entries.length} tags; at most ${MAX_TAGS} are allowed`);
    return z.NEVER;
  }
  for (const [key, tag] of entries) {
    const wrongName = key === '' ? 'is empty' : tooLong(key, MAX_TAG_NAME) ?? unprintable(key);
    if (wrongName !== null) {
      refuse(`the name of this tag ${wrongName}`, key);
    }
    const wrong = typeof tag === 'string'
      ? tooLong(tag, MAX_TAG_VALUE) ?? unprintable(tag)
      : `expected a string, found ${kindOf(tag)}`;
    if (wrong !== null) refuse(wrong, key);
  }
  return Object.fromEntries(entries) as Record<string, string>;
});
