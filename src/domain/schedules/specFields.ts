/** Field types of a schedule's body, each with sentences for its possible problems. */
import { z } from 'zod';
import { parseInstant } from '../timing/instant.ts';
import { MAX_PROBLEMS, mismatch, parsedText, tooLong } from '../shared/fields.ts';
import { unprintable } from '../shared/text.ts';

export const MAX_TAGS = 64;
const MAX_TAG_NAME = 128;
const MAX_TAG_VALUE = 256;

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
      return refuse(mismatch('an array of RFC 3339 times', value));
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
  throw new Error(mismatch('an RFC 3339 time such as "2026-01-31T09:30:00Z"', value));
}

function isTimesSummary(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'count' in value && 'first' in value;
}

/** A map of strings. Not `z.record`, which silently drops a key of "__proto__". */
export const tags = z.unknown().transform((value, context) => {
  const refuse = (message: string, key?: string) =>
    context.addIssue({ code: 'custom', message, path: key === undefined ? [] : [key] });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(mismatch('an object of strings such as {"team": "billing"}', value));
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
      : mismatch('a string', tag);
    if (wrong !== null) refuse(wrong, key);
  }
  return Object.fromEntries(entries) as Record<string, string>;
});
