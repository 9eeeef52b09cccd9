/**
 * `GET /inspect`: XState's inspection events of this replica's actors, as server-sent events. For
 * debugging; opt-in, since it exposes the data in the actors.
 */
import type { Context } from 'hono';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { inspectionRecord } from '../../actors/shared/inspection.ts';
import type { ApiDeps, Route } from '../shared/api.ts';
import { Client } from '../events/client.ts';
import { HEADERS, type Message, plainMessage } from '../events/message.ts';
import { Problem } from '../shared/problem.ts';

const MAX_CLIENTS = 10;
const EVERYTHING = { types: new Set<never>(), scheduleId: null };

interface Subscriber {
  client: Client;
  /** Ids of the wanted actors; null for all. */
  actors: ReadonlySet<string> | null;
  /** Messages missed since the last `dropped` message. */
  dropped: number;
}

export interface Inspection {
  routes: Route[];
  /** For the `inspect` option of actors. Costs next to nothing without clients. */
  observe(event: InspectionEvent): void;
  close(): void;
}

/** `enabled`: whether the configuration turns it on. */
export function inspection(
  { replica, clock }: Pick<ApiDeps, 'replica' | 'clock'>,
  enabled: boolean,
): Inspection {
  const subscribers = new Set<Subscriber>();
  let closed = false;

  function inspect(c: Context): Response {
    if (!enabled) {
      throw new Problem(
        404,
        'inspection of this replica is off; start it with INSPECT=sse',
      );
    }
    if (closed) throw new Problem(503, 'this replica is stopping', { headers: { 'Retry-After': '1' } });
    if (subscribers.size >= MAX_CLIENTS) {
      throw new Problem(
        503,
        `this replica has its limit of ${MAX_CLIENTS} inspection clients; try again later`,
        {
          headers: { 'Retry-After': '5' },
        },
      );
    }
    if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS);
    const names = c.req.query('actor')?.split(',');
    const client = new Client({
      filter: EVERYTHING,
      destroy: undefined,
      onGone: () => void subscribers.delete(subscriber),
    });
    const subscriber: Subscriber = { client, actors: names ? new Set(names) : null, dropped: 0 };
    subscribers.add(subscriber);
    client.push(
      plainMessage('hello', { replica: replica.id, boot: replica.boot, now: new Date(clock.now()) }),
    );
    return c.body(client.stream, 200, HEADERS);
  }

  return {
    routes: [{
      method: 'GET',
      path: '/inspect',
      summary: 'stream the inspection events of this replica (with INSPECT=sse)',
      handler: inspect,
    }],
    observe(event) {
      if (subscribers.size === 0) return;
      const wanted = [...subscribers].filter(({ actors }) =>
        actors === null || actors.has((event.actorRef as AnyActorRef)?.id)
      );
      const record = wanted.length > 0 ? inspectionRecord(event, replica.id) : null;
      if (record === null) return;
      const name = event.type.replace('@xstate.', '');
      const message = plainMessage(name, { at: new Date(clock.now()), ...record });
      for (const subscriber of wanted) deliver(subscriber, message);
    },
    close() {
      closed = true;
      for (const { client } of [...subscribers]) client.end();
    },
  };
}

/** A slow client is not disconnected, but misses some messages. */
function deliver(subscriber: Subscriber, message: Message): void {
  const { client, dropped } = subscriber;
  if (!client.hasRoom) {
    subscriber.dropped++;
    return;
  }
  if (dropped > 0) client.push(plainMessage('dropped', { count: dropped }));
  subscriber.dropped = 0;
  client.push(message);
}
