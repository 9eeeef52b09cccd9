import type { Context } from 'hono';
import { short } from '../../domain/shared/text.ts';
import type { Route } from '../shared/api.ts';
import { refuseUnknown } from '../shared/paging.ts';
import { Problem } from '../shared/problem.ts';
import { type EventHub, MAX_CLIENTS } from './hub.ts';
import { EVENT_TYPES, type EventType, type Filter, HEADERS } from './message.ts';

/** Reconnection delay sent to clients, ms. */
const RECONNECT_MS = 250;
const MAX_ID_LENGTH = 4096;

/** The bindings that the server's Node adapter passes with a request. */
type Bindings = { outgoing?: { destroy(): void } } | undefined;

/** `GET /events`: server-sent events. */
export function eventRoutes(hub: EventHub): Route[] {
  function events(c: Context): Response {
    const filter = readFilter(c);
    const after = readAfter(c);
    // A browser's EventSource does not reconnect after an error response; after this one it does,
    // to another replica.
    if (hub.closed) return c.body(`retry: ${RECONNECT_MS}\n: this replica is stopping\n\n`, 200, HEADERS);
    if (hub.counts.clients >= MAX_CLIENTS) {
      throw new Problem(
        503,
        `this replica has its limit of ${MAX_CLIENTS} clients of the events; try again later`,
        {
          headers: { 'Retry-After': '5' },
        },
      );
    }
    if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS);
    const { outgoing } = (c.env as Bindings) ?? {};
    const client = hub.join(filter, after, RECONNECT_MS, outgoing && (() => outgoing.destroy()));
    return c.body(client.stream, 200, HEADERS);
  }

  return [{
    method: 'GET',
    path: '/events',
    summary: 'stream the events of the cluster, as server-sent events',
    handler: events,
  }];
}

function readFilter(c: Context): Filter {
  refuseUnknown(c, ['types', 'schedule_id', 'after'], 'the events, which have');
  const types = (c.req.query('types') ?? EVENT_TYPES.join(',')).split(',').map((name) => name.trim());
  for (const name of types) {
    if (!(EVENT_TYPES as readonly string[]).includes(name)) {
      throw new Problem(
        400,
        `types: ${short(name)} is not a type of event; there are ${EVENT_TYPES.join(', ')}`,
      );
    }
  }
  return { types: new Set(types as EventType[]), scheduleId: c.req.query('schedule_id') ?? null };
}

/** The header takes precedence: a browser sends it on reconnection, even when the URL has an older id. */
function readAfter(c: Context): string | null {
  const after = c.req.header('last-event-id') || c.req.query('after') || null;
  if (after !== null && after.length > MAX_ID_LENGTH) {
    throw new Problem(400, `after: the id is not an event's: it has more than ${MAX_ID_LENGTH} characters`);
  }
  return after;
}
