import type { Context } from 'hono';
import { parseStepDown } from '../../domain/schedules/commands.ts';
import { isFree } from '../../domain/leadership/lease.ts';
import { encodeJson } from '../shared/responses.ts';
import type { Route, RouteDeps } from '../shared/api.ts';
import { readCommand } from '../shared/body.ts';
import { fitting } from '../shared/lists.ts';
import { Problem } from '../shared/problem.ts';
import { clusterView, leaderView } from '../shared/views.ts';

/** Replicas send a heartbeat every second; one without any for this long is omitted, lost or not. */
const SEEN_WITHIN_MS = 60_000;

/** The endpoints about the cluster, read from the store: every replica responds alike. */
export function clusterRoutes({ store, replica, responses }: RouteDeps): Route[] {
  async function cluster(c: Context): Promise<Response> {
    const [reading, replicas] = await Promise.all([store.lease.read(), store.presence.list(SEEN_WITHIN_MS)]);
    return responses.send(c, encodeJson(clusterView(reading, fitting(replicas), replica.id)));
  }

  async function leader(c: Context): Promise<Response> {
    const reading = await store.lease.read();
    if (isFree(reading)) throw noLeader();
    return c.json(leaderView(reading.lease));
  }

  async function stepDown(c: Context): Promise<Response> {
    const { term } = await readCommand(c, parseStepDown);
    const reading = await store.lease.read();
    const { lease } = reading;
    if (isFree(reading)) throw noLeader();
    if (term !== undefined && term !== lease.term) {
      throw new Problem(
        409,
        `term ${term} is not the current term: ${lease.holder} leads in term ${lease.term}`,
      );
    }
    if (!(await store.lease.askToStepDown(lease.term))) {
      throw new Problem(
        409,
        `term ${lease.term} ended before ${lease.holder} could be asked to step down; get /leader for the present one`,
      );
    }
    return c.json({ replica: lease.holder, term: lease.term }, 202);
  }

  return [
    {
      method: 'GET',
      path: '/cluster',
      summary: 'show the replicas, the leader and the watermark',
      handler: cluster,
    },
    { method: 'GET', path: '/leader', summary: 'show the leader, its term and its lease', handler: leader },
    {
      method: 'POST',
      path: '/leader/step-down',
      summary: 'ask the leader to release the lease to another replica',
      handler: stepDown,
    },
  ];
}

function noLeader(): Problem {
  return new Problem(503, 'there is no leader at the moment; try again', { headers: { 'Retry-After': '1' } });
}
