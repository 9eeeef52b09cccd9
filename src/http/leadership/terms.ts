import type { Context } from 'hono';
import { short } from '../../domain/shared/text.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { fitting } from '../shared/lists.ts';
import { linkNext, readLimit } from '../shared/paging.ts';
import { Problem } from '../shared/problem.ts';
import { encodeJson } from '../shared/responses.ts';
import { leadershipView } from '../shared/views.ts';

/** `GET /leadership`: a page of the history of terms. */
export function termRoutes({ store, responses }: RouteDeps): Route[] {
  async function leadership(c: Context): Promise<Response> {
    const limit = readLimit(c, ['before']);
    const before = readTerm(c);
    const [reading, terms] = await Promise.all([
      store.lease.read(),
      store.leadership.list(limit + 1, before),
    ]);
    const page = fitting(leadershipView(terms.slice(0, limit), reading));
    const last = page.at(-1);
    linkNext(c, 'before', last && page.length < terms.length ? String(last.term) : null);
    return responses.send(c, encodeJson(page));
  }

  return [{
    method: 'GET',
    path: '/leadership',
    summary: 'list the terms, newest first: how each began and ended',
    handler: leadership,
  }];
}

/** The parameter `before`: the oldest term of the preceding page. */
function readTerm(c: Context): number | undefined {
  const text = c.req.query('before');
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw new Problem(
      400,
      `before: ${short(text)} is not a term, which is a whole number`,
    );
  }
  return Number(text);
}
