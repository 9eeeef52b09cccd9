/** The headers of an `http` action: their rules, and how their placeholders are filled in. */
import { type Finding, mismatch, tooLong } from '../shared/fields.ts';
import { short } from '../shared/text.ts';
import { fill, type Filling, PLACEHOLDER, templateProblem } from './template.ts';

const MAX_HEADERS = 50;
const MAX_NAME = 128;
const MAX_VALUE = 4096;
/** A value with its placeholders filled in. */
const MAX_FILLED_VALUE = 8192;
/** Names and values together: many servers refuse more than 16 KiB. */
const MAX_TOTAL = 12_288;

/** A token of RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Visible ASCII, blanks and tabs. */
const FIELD_VALUE = /^[\t\x20-\x7e]*$/;

/** Headers with a meaning for one connection (RFC 9110, 7.6.1), and `Expect`, which the sender does not support. */
const OF_CONNECTION = [
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];
const OF_HASCHEDULER = ['webhook-', 'x-hascheduler-', 'ce-'];

/** What is wrong with the headers of an action. */
export function* headerFindings(value: unknown): Generator<Finding> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    yield { path: [], message: mismatch('an object of strings such as {"Accept": "text/plain"}', value) };
    return;
  }
  const entries = Object.entries(value as Record<string, unknown>);
  if (entries.length > MAX_HEADERS) {
    yield { path: [], message: `has ${entries.length} headers; at most ${MAX_HEADERS} are allowed` };
    return;
  }
  const names = new Map<string, string>();
  let total = 0;
  for (const [name, text] of entries) {
    const message = nameProblem(name);
    if (message !== null) yield { path: [name], message: `the name of this header ${message}` };
    const same = names.get(name.toLowerCase());
    if (same !== undefined) {
      yield {
        path: [name],
        message: `is the same header as ${short(same)}; upper and lower case don't matter`,
      };
    }
    names.set(name.toLowerCase(), name);
    const wrong = typeof text === 'string' ? valueProblem(text) : mismatch('a string', text);
    if (wrong !== null) yield { path: [name], message: wrong };
    total += name.length + (typeof text === 'string' ? text.length : 0);
  }
  if (total > MAX_TOTAL) {
    yield { path: [], message: `has ${total} characters in all; at most ${MAX_TOTAL} are allowed` };
  }
}

function nameProblem(name: string): string | null {
  if (name === '') return 'is empty';
  const long = tooLong(name, MAX_NAME);
  if (long !== null) return long;
  if (!TOKEN.test(name)) {
    return "has a character that is not allowed; write A-Z a-z 0-9 - . _ ! # $ % & ' * + ^ ` | ~";
  }
  const lower = name.toLowerCase();
  if (lower === 'host') return 'is Host, which follows from the URL; leave it out';
  if (lower === 'content-length') return 'is Content-Length, which follows from the body; leave it out';
  if (OF_CONNECTION.includes(lower) || lower.startsWith('proxy-')) {
    return 'belongs to the connection, which the sender manages; leave it out';
  }
  const prefix = OF_HASCHEDULER.find((prefix) => lower.startsWith(prefix));
  return prefix === undefined
    ? null
    : `begins with ${prefix}, as those that hascheduler sets; choose another one`;
}

function valueProblem(text: string): string | null {
  return tooLong(text, MAX_VALUE) ?? templateProblem(text, { secrets: true }) ??
    fieldValueProblem(text);
}

function fieldValueProblem(text: string): string | null {
  const found = /[^\t\x20-\x7e]/u.exec(text.replaceAll(PLACEHOLDER, ''))?.[0];
  if (found !== undefined) {
    const point = found.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    return `has the character U+${point}, but a header's value is one line of ASCII; leave it out or encode it`;
  }
  return text === text.trim() ? null : 'begins or ends with a blank, which receivers drop; leave it out';
}

/**
 * The headers with their placeholders filled in. What a header can't carry of a value (not of a secret) is
 * percent-encoded, as CloudEvents does. Throws a sentence when no request can have them.
 */
export function filledHeaders(headers: Record<string, string>, filling: Filling): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, text]) => [name, filledHeader(name, text, filling)]),
  );
}

function filledHeader(name: string, text: string, filling: Filling): string {
  const filled = fill(text, filling, {
    asValue: (value) => value.replaceAll(/[^\x20-\x24\x26-\x7e]+/gu, encodeURIComponent),
    asSecret(secret, secretName) {
      if (FIELD_VALUE.test(secret)) return secret;
      throw new Error(
        `The secret ${secretName} can't be sent in the header ${name}: it has a line break or a character that is not ASCII.`,
      );
    },
  });
  if (filled.length <= MAX_FILLED_VALUE) return filled;
  throw new Error(
    `The header ${name} has ${filled.length} characters with its placeholders filled in; at most ${MAX_FILLED_VALUE} are allowed.`,
  );
}
