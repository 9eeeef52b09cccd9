/** The `http` action: what it sends, and what an answer to it means. */

export const HTTP_METHODS = ['POST', 'GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

/** All statuses with the same first digit. No answer is final with 1xx. */
export const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** What JSON can express. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** One request per attempt. Placeholders (template.ts) are filled in when the attempt begins. */
export interface HttpAction {
  type: 'http';
  method: HttpMethod;
  /** Placeholders may stand in its path and its query. */
  url: string;
  /** Values may have placeholders. */
  headers: Record<string, string>;
  /**
   * A string is sent as it is, any other value as JSON; absent, there is no body, whereas null is a JSON
   * value. The strings may have placeholders.
   */
  body?: Json;
  /** The statuses that mean success. */
  success: (number | StatusClass)[];
  /** Absent, the request is not signed. */
  signing?: Signing;
  /** Whether the request has the headers of a CloudEvent. */
  cloud_events: boolean;
}

/** Signs the request by Standard Webhooks. */
export interface Signing {
  /** One name of a secret, or two during a rotation: the request has then a signature by each. */
  secrets: string[];
}

/** Of an action that says nothing. */
export const DEFAULT_SUCCESS: HttpAction['success'] = ['2xx'];

/** The longest wait that a receiver can ask for, ms. */
export const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

/** Whether a request by the method may have a body. With GET and HEAD, receivers don't read one (RFC 9110, 9.3.1). */
export function takesBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

export function isSuccess(status: number, success: HttpAction['success']): boolean {
  return success.some((wanted) =>
    typeof wanted === 'number' ? wanted === status : Number(wanted[0]) === Math.floor(status / 100)
  );
}

/**
 * Whether another attempt may succeed after an answer that is no success. Not after most of 4xx: the request
 * is wrong. Not after 3xx: redirects are not followed, and another attempt would be redirected again, so the
 * URL has to be corrected. A 2xx that the action does not count as success is retried.
 */
export function isRetryable(status: number): boolean {
  return status < 300 || status >= 500 || RETRYABLE.includes(status);
}

/** Request Timeout, Too Early, Too Many Requests. */
const RETRYABLE = [408, 425, 429];

/** Whether an answer that is no success pauses the schedule: 410 Gone says that the receiver is no more. */
export function pausesSchedule(status: number): boolean {
  return status === 410;
}

const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

/**
 * How long a `Retry-After` asks to wait, ms, from 0 to `MAX_RETRY_AFTER_MS`: a number of seconds, or a date
 * after `nowMs` (RFC 9110, 10.2.3; of its three forms of dates the one that is not obsolete). Null for
 * anything else, and without the header.
 */
export function retryAfterMs(header: string | null | undefined, nowMs: number): number | null {
  const text = header?.trim() ?? '';
  const waitMs = /^\d+$/.test(text)
    ? Number(text) * 1000
    : IMF_FIXDATE.test(text)
    ? Date.parse(text) - nowMs
    : NaN;
  return Number.isNaN(waitMs) ? null : Math.ceil(Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS));
}
