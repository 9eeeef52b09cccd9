import { STATUS_CODES } from 'node:http';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Logger } from '../../actors/shared/environment.ts';
import { ChangeDeclined, StoreRefused, StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { BadCursor } from '../../domain/shared/cursor.ts';
import type { Problem as FieldProblem } from '../../domain/schedules/spec.ts';

interface Extras {
  errors?: readonly FieldProblem[];
  /** Why a replica is not live or not ready. */
  reasons?: readonly string[];
  headers?: Record<string, string>;
}

/** An error response. Thrown by handlers; `message` is the sentence for the client. */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: ContentfulStatusCode;
  readonly extras: Extras;

  constructor(status: ContentfulStatusCode, detail: string, extras: Extras = {}) {
    super(detail);
    this.status = status;
    this.extras = extras;
  }
}

/** 422 with all problems of a body. */
export function invalidBody(errors: readonly FieldProblem[]): Problem {
  const [first, ...others] = errors;
  const detail = first?.detail ?? 'the body is invalid';
  return new Problem(422, others.length > 0 ? `${detail} (and more, listed in errors)` : detail, { errors });
}

/**
 * The response for a problem: RFC 9457, without a type of its own, so that `title` is the status's
 * phrase.
 */
export function problemResponse(c: Context, { status, message, extras }: Problem): Response {
  const body = {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    instance: new URL(c.req.url).pathname,
    ...(extras.errors && { errors: extras.errors }),
    ...(extras.reasons && { reasons: extras.reasons }),
  };
  return c.body(JSON.stringify(body), status, {
    ...extras.headers,
    'Content-Type': 'application/problem+json',
  });
}

/** The problem for a handler's exception. An unexpected one is logged, and its details are not disclosed. */
export function toProblem(error: Error, c: Context, logger: Logger): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof BadCursor) return new Problem(400, error.message);
  if (error instanceof ChangeDeclined) {
    return new Problem(503, error.message, { headers: { 'Retry-After': '1' } });
  }
  const reads = c.req.method === 'GET' || c.req.method === 'HEAD';
  if (error instanceof StoreRefused) {
    logger.warn('a request failed: the store refused it', { path: c.req.path, error: error.message });
    const detail = reads
      ? `the store refuses reads (${error.reason}): resolve that in MongoDB, then try again`
      : `the store refuses changes (${error.reason}): resolve that in MongoDB; then check whether this change was ` +
        'made nevertheless, and repeat it if not';
    return new Problem(503, detail, { headers: { 'Retry-After': '10' } });
  }
  if (error instanceof StoreUnavailable) {
    logger.warn('a request failed: the store is unavailable', { path: c.req.path, error: error.message });
    const detail = reads
      ? 'the store does not answer; try again'
      : 'the store did not answer: the change may or may not have been made; check before you repeat it';
    return new Problem(503, detail, { headers: { 'Retry-After': '1' } });
  }
  logger.error('a request failed unexpectedly', {
    method: c.req.method,
    path: c.req.path,
    error: error.message,
    stack: error.stack,
  });
  return new Problem(500, 'internal error; the log of the service has the details');
}
