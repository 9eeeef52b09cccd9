/** An `http` action as a client writes it, with its defaults. */
import { z } from 'zod';
import { checkedBy, choice, expected, fields, type Finding, mismatch } from '../shared/fields.ts';
import { short } from '../shared/text.ts';
import {
  DEFAULT_SUCCESS,
  HTTP_METHODS,
  type HttpAction,
  type Json,
  STATUS_CLASSES,
  takesBody,
} from './httpAction.ts';
import { bodyFindings } from './httpBody.ts';
import { headerFindings } from './httpHeaders.ts';
import { urlProblem } from './httpUrl.ts';
import { secretNameProblem } from './secretName.ts';

const MAX_STATUSES = 50;

const url = z.string({ error: expected('a URL such as "https://example.com/hook"') })
  .superRefine((text, context) => {
    const message = urlProblem(text);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });

const signing = fields('a signing', { secrets: checkedBy<string[]>(signingFindings) });

export const httpActionFields = fields('an http action', {
  type: z.literal('http', { error: expected('"http"') }),
  method: choice(HTTP_METHODS).default('POST'),
  url,
  headers: checkedBy<HttpAction['headers']>(headerFindings).default({}),
  body: checkedBy<Json>(bodyFindings).exactOptional(),
  success: checkedBy<HttpAction['success']>(successFindings).default(DEFAULT_SUCCESS),
  signing: signing.exactOptional(),
  cloud_events: z.boolean({ error: expected('true or false') }).default(false),
}).refine(hasBodyOnlyWhereSent, {
  path: ['body'],
  error: ({ input }) =>
    `can't be sent by ${(input as HttpAction).method}; leave it out, or choose another method`,
  when: ({ value }) => typeof value === 'object' && value !== null,
});

/** Also sees what invalid fields have become, so that all problems are reported at once. */
function hasBodyOnlyWhereSent({ method, body }: { method: string; body?: Json }): boolean {
  return body === undefined || takesBody(method);
}

/** What is wrong with a list of statuses. */
export function* successFindings(value: unknown): Generator<Finding> {
  if (!Array.isArray(value)) {
    yield { path: [], message: mismatch('an array of statuses such as [200, "3xx"]', value) };
  } else if (value.length === 0 || value.length > MAX_STATUSES) {
    yield { path: [], message: `has ${value.length} statuses; write 1 to ${MAX_STATUSES}` };
  } else {
    for (const [index, status] of value.entries()) {
      const message = statusProblem(status);
      if (message !== null) yield { path: [index], message };
    }
  }
}

function statusProblem(status: unknown): string | null {
  const classes = `one of ${STATUS_CLASSES.map((each) => `"${each}"`).join(', ')}`;
  if (typeof status === 'number') {
    return Number.isInteger(status) && status >= 200 && status <= 599
      ? null
      : `${status} is not a whole number from 200 to 599`;
  }
  if (typeof status !== 'string') return mismatch(`a number from 200 to 599 or ${classes}`, status);
  if ((STATUS_CLASSES as readonly string[]).includes(status)) return null;
  return /^[2-5]\d\d$/.test(status)
    ? `is a string; write ${status} without quotes`
    : `expected ${classes}, found ${short(status)}`;
}

/** What is wrong with the names of the secrets that sign. */
export function* signingFindings(value: unknown): Generator<Finding> {
  if (!Array.isArray(value)) {
    yield { path: [], message: mismatch('an array of names of secrets such as ["BILLING"]', value) };
    return;
  }
  if (value.length !== 1 && value.length !== 2) {
    yield { path: [], message: `has ${value.length} names; write 1, or 2 during a rotation` };
    return;
  }
  for (const [index, name] of value.entries()) {
    const message = typeof name === 'string'
      ? secretNameProblem(name)
      : mismatch('the name of a secret, a string', name);
    if (message !== null) yield { path: [index], message };
  }
  if (value[0] === value[1]) yield { path: [1], message: 'is the first one again; leave it out' };
}
