import assert from 'node:assert/strict';
import type { EventFeed } from '../../../src/actors/events/eventFeed.ts';
import type { Store } from '../../../src/actors/store.ts';
import { EventHub } from '../../../src/http/events/hub.ts';
import { eventRoutes } from '../../../src/http/events/routes.ts';
import { memoryDatabase } from '../../../src/infra/memory/store.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { type EventReader, readEvents } from '../../support/sse.ts';
import { HOURLY, NOW_MS, send, testApi } from '../support.ts';

/** The API with the events of a feed: by default, those of the store in memory. */
export async function apiWithEvents(feed: (store: Store) => EventFeed = (store) => store.events) {
  const clock = new SimClock();
  const replica = { id: 'replica-1', boot: 'boot-1', address: 'http://127.0.0.1:8081', version: '0.1.0' };
  const log: string[] = [];
  const note = (message: string) => void log.push(message);
  const logger = { debug: note, info: note, warn: note, error: note };
  const store = memoryDatabase({ clock }).connect();
  await store.prepare();
  const hub = new EventHub({ events: feed(store), clock, logger, serverNowMs: () => NOW_MS, replica });
  const { app } = await testApi({ store: () => store, more: eventRoutes(hub) });
  const ask = async (query = '', headers: Record<string, string> = {}): Promise<EventReader> => {
    const response = await app.request(`/events${query}`, { headers });
    assert.equal(response.status, 200);
    return readEvents(response.body as ReadableStream<Uint8Array>);
  };
  const create = async (id: string) => {
    const response = await send(app, 'POST', '/schedules', { ...HOURLY, id });
    assert.equal(response.status, 201);
  };
  return { store, app, hub, clock, ask, create, log };
}
