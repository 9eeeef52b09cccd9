import type { Context } from 'hono';
import { parseStepDown } from '../../domain/schedules/commands.ts';
import { isFree } from '../../domain/leadership/lease.ts';
import { short } from '../../domain/shared/text.ts';
import { encodeJson } from '../shared/answers.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readCommand } from '../shared/body.ts';
import { fitting } from '../shared/lists.ts';
import { linkNext, readLimit } from '../shared/paging.ts';
import { Problem } from '../shared/problem.ts';
import { clusterView, leadershipView, leaderView } from '../shared/views.ts';

/** Replicas write their presence every second; one silent for this long is not shown, lost or not. */
const SEEN_WITHIN_MS = 60_000;

/** The endpoints about the cluster, read from the store: every replica answers the same. */
export function clusterRoutes({ store, replica, answers }: RouteDeps): Route[] {
  async function cluster(c: Context): Promise<Response> {
    const [reading, replicas] = await Promise.all([store.lease.read(), store.presence.list(SEEN_WITHIN_MS)]);
    return answers.send(c, encodeJson(clusterView(reading, fitting(replicas), replica.id)));
  }

  async function leader(c: Context): Promise<Response> {
    const reading = await store.lease.read();
    if (isFree(reading)) throw nobodyLeads();
    return c.json(leaderView(reading.lease));
  }

  async function stepDown(c: Context): Promise<Response> {
    const { term } = await readCommand(c, parseStepDown);
    const reading = await store.lease.read();
    const { lease } = reading;
    if (isFree(reading)) throw nobodyLeads();
    if (term !== undefined && term !== lease.term) {
      throw new Problem(409, `term ${term} is not in force; ${lease.holder} leads in term ${lease.term}`);
    }
    if (!(await store.lease.askToStepDown(lease.term))) {
      throw new Problem(
        409,
        `term ${lease.term} ended before ${lease.holder} could be asked; look who leads now`,
      );
    }
    return c.json({ replica: lease.holder, term: lease.term }, 202);
  }

  async function leadership(c: Context): Promise<Response> {
    const limit = readLimit(c, ['before']);
    const before = readTerm(c);
    const [reading, terms] = await Promise.all([
      store.lease.read(),
      store.leadership.list(limit + 1, before),
    ]);
    const told = fitting(leadershipView(terms.slice(0, limit), reading));
    const last = told.at(-1);
    linkNext(c, 'before', last && told.length < terms.length ? String(last.term) : null);
    return answers.send(c, encodeJson(told));
  }

  return [
    {
      method: 'GET',
      path: '/cluster',
      summary: 'show the replicas, the leader and the watermark',
      handler: cluster,
    },
    { method: 'GET', path: '/leader', summary: 'show who leads, and since when', handler: leader },
    {
      method: 'POST',
      path: '/leader/step-down',
      summary: 'ask the leader to make way for another replica',
      handler: stepDown,
    },
    {
      method: 'GET',
      path: '/leadership',
      summary: 'list the terms, newest first: how each began and ended',
      handler: leadership,
    },
  ];
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

function nobodyLeads(): Problem {
  return new Problem(503, 'nobody leads at the moment; try again', { headers: { 'Retry-After': '1' } });
}
