import type { Context, MiddlewareHandler } from 'hono';
import { decodeCursor, type RUN_KEY, type SCHEDULE_KEY } from '../../domain/shared/cursor.ts';
import { short } from '../../domain/shared/text.ts';
import { Problem } from './problem.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** Parameters that may be repeated, and those that take a comma-separated list. */
const REPEATABLE = ['tag'];
const LISTS = ['state', 'types', 'actor'];

/** Refuses repeated parameters: this server and a proxy could each use a different one. */
export const refuseRepeated: MiddlewareHandler = async (c, next) => {
  const names = c.req.url.includes('?') ? [...new URL(c.req.url).searchParams.keys()] : [];
  const twice = names.find((name, i) => names.indexOf(name) < i && !REPEATABLE.includes(name));
  if (twice !== undefined) {
    const how = LISTS.includes(twice) ? ', with commas between its values' : '';
    throw new Problem(400, `${twice.slice(0, 40)}: is repeated; give it once${how}`);
  }
  await next();
};

/**
 * The `limit` and `cursor` of a list with cursors of this key. Refuses unknown query parameters: a
 * misspelt filter that is ignored would return the wrong items.
 */
export function readPage(
  c: Context,
  key: typeof SCHEDULE_KEY | typeof RUN_KEY,
  filters: readonly string[] = [],
): { limit: number; cursor: string | null } {
  const limit = readLimit(c, ['cursor', ...filters]);
  const cursor = c.req.query('cursor') || null;
  // The store decodes it again; an invalid cursor is no error of the store's.
  if (cursor !== null) decodeCursor(cursor, key);
  return { limit, cursor };
}

/** The `limit` of a list with only one page, or with `others` as further parameters. */
export function readLimit(c: Context, others: readonly string[] = []): number {
  refuseUnknown(c, ['limit', ...others]);
  return wholeNumber('limit', c.req.query('limit') ?? String(DEFAULT_LIMIT), 1, MAX_LIMIT);
}

/** Refuses query parameters that are not `known`. */
export function refuseUnknown(c: Context, known: readonly string[], of = 'this list, which has'): void {
  for (const name of new URL(c.req.url).searchParams.keys()) {
    if (!known.includes(name)) {
      throw new Problem(400, `${name.slice(0, 40)}: not a query parameter of ${of} ${known.join(', ')}`);
    }
  }
}

/** A query parameter that is a whole number. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new Problem(
    400,
    `${name}: ${short(text)} is not a whole number from ${min} to ${max}`,
  );
}

/**
 * Adds the link to the next page (RFC 8288): this request with a new value of the parameter for its
 * beginning. Relative, so that it works behind any proxy.
 */
export function linkNext(c: Context, name: 'cursor' | 'before', from: string | null): void {
  if (from === null) return;
  const query = new URL(c.req.url).searchParams;
  query.set(name, from);
  c.header('Link', `<${c.req.path}?${query}>; rel="next"`);
}
