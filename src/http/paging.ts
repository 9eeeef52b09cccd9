import type { Context } from 'hono';
import { Problem } from './problem.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/**
 * The `limit` and `cursor` of a list. A query parameter that the list does not have is refused: a filter that
 * is ignored in silence shows what was not asked for.
 */
export function readPage(
  c: Context,
  filters: readonly string[] = [],
): { limit: number; cursor: string | null } {
  return { limit: readLimit(c, ['cursor', ...filters]), cursor: c.req.query('cursor') || null };
}

/** The `limit` of a list that has only one page, or the parameters `others` as well. */
export function readLimit(c: Context, others: readonly string[] = []): number {
  refuseOthers(c, ['limit', ...others]);
  return wholeNumber('limit', c.req.query('limit') ?? String(DEFAULT_LIMIT), 1, MAX_LIMIT);
}

/** Refuses query parameters that are not `known`. */
export function refuseOthers(c: Context, known: readonly string[], of = 'this list, which has'): void {
  for (const name of Object.keys(c.req.query())) {
    if (!known.includes(name)) {
      throw new Problem(400, `${name}: not a query parameter of ${of} ${known.join(', ')}`);
    }
  }
}

/** A query parameter that is one. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new Problem(
    400,
    `${name}: ${JSON.stringify(text.slice(0, 40))} is not a whole number from ${min} to ${max}`,
  );
}

/**
 * Adds the link to the next page (RFC 8288): this request with another value of the parameter that says where it
 * begins. Relative, so that it holds behind any proxy.
 */
export function linkNext(c: Context, name: 'cursor' | 'before', from: string | null): void {
  if (from === null) return;
  const query = new URLSearchParams({ ...c.req.query(), [name]: from });
  c.header('Link', `<${c.req.path}?${query}>; rel="next"`);
}
