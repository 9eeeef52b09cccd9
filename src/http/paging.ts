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
  const known = ['limit', ...others];
  for (const name of Object.keys(c.req.query())) {
    if (!known.includes(name)) {
      throw new Problem(400, `${name}: not a query parameter of this list, which has ${known.join(', ')}`);
    }
  }
  const text = c.req.query('limit') ?? String(DEFAULT_LIMIT);
  const limit = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(limit >= 1 && limit <= MAX_LIMIT)) {
    throw new Problem(400, `limit: ${JSON.stringify(text)} is not a whole number from 1 to ${MAX_LIMIT}`);
  }
  return limit;
}

/**
 * Adds the link to the next page (RFC 8288): this request with another cursor. Relative, so that it holds
 * behind any proxy.
 */
export function linkNext(c: Context, nextCursor: string | null): void {
  if (nextCursor === null) return;
  const query = new URLSearchParams({ ...c.req.query(), cursor: nextCursor });
  c.header('Link', `<${c.req.path}?${query}>; rel="next"`);
}
