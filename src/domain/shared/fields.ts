/** Types of fields in a client's JSON, each with sentences for its possible problems. */
import { z } from 'zod';
import { characters, short, unprintable } from './text.ts';

type RawIssue = z.core.$ZodRawIssue;

/** Problems reported per body: finding more would take longer than they are worth. */
export const MAX_PROBLEMS = 100;

/** "expected …, found …" for a value of another type, in terms that a client's author uses. */
export function expected(phrase: string): (issue: RawIssue) => string {
  return ({ input }) => mismatch(phrase, input);
}

/** The same sentence for a value that no schema has checked. */
export function mismatch(phrase: string, value: unknown): string {
  return value === undefined ? `is missing; write ${phrase}` : `expected ${phrase}, found ${kindOf(value)}`;
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
  const phrase = `an object with the fields of ${of} (${known})`;
  return z.strictObject(shape, {
    error: ({ code, input }) =>
      code === 'unrecognized_keys'
        ? `is not known; the fields of ${of} are ${known}`
        : mismatch(phrase, input),
  });
}

/** Text for people: on one line, unless `lines` is set. */
export function text(maxLength: number, options: { lines?: boolean } = {}) {
  return z.string({ error: expected('a string') }).superRefine((text, context) => {
    const message = tooLong(text, maxLength) ?? unprintable(text, options);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
}

/** A sentence about a text of more than `maxLength` characters; null for a shorter one. */
export function tooLong(text: string, maxLength: number): string | null {
  const length = characters(text);
  return length > maxLength ? `has ${length} characters; at most ${maxLength} are allowed` : null;
}

/** One of a few words. */
export function choice<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: ({ input }) => noneOf(words, input) });
}

/** The sentence about a value that is none of these words. */
export function noneOf(words: readonly string[], value: unknown): string {
  const phrase = (words.length > 1 ? 'one of ' : '') + words.map((word) => JSON.stringify(word)).join(', ');
  return typeof value === 'string' ? `expected ${phrase}, found ${short(value)}` : mismatch(phrase, value);
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

/** What is wrong with a value, or with the part of it at `path`. */
export interface Finding {
  path: (string | number)[];
  message: string;
}

/** A value with rules of its own, which `find` checks one by one. Without findings it is a `T`. */
export function checkedBy<T>(find: (value: unknown) => Iterable<Finding>) {
  return z.unknown().transform((value, context) => {
    let found = 0;
    for (const { path, message } of find(value)) {
      context.addIssue({ code: 'custom', message, path });
      if (++found > MAX_PROBLEMS) break;
    }
    return found > 0 ? z.NEVER : value as T;
  });
}
