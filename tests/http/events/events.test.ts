/** `GET /events` over the store in memory: the events, their order and filters, and the limits of clients. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventFeed, OpenEvents } from '../../../src/actors/events/eventFeed.ts';
import type { Store } from '../../../src/actors/store.ts';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { EventReader } from '../../support/sse.ts';
import { problem } from '../support.ts';
import { apiWithEvents } from './support.ts';

describe('GET /events', () => {
  it('sends hello first, and then the events, each with an id', async () => {
    const { app, ask, create } = await apiWithEvents();
    const { headers } = await app.request('/events');
    assert.equal(headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(headers.get('cache-control'), 'no-store');
    const events = await ask();
    const hello = await events.next();
    assert.deepEqual([hello.event, hello.data], ['hello', {
      replica: 'replica-1',
      boot: 'boot-1',
      now: '2030-01-01T00:00:00.000Z',
    }]);
    await create('a');
    const { id, event, data } = await events.next();
    assert.deepEqual([event, data.change, data.id, data.schedule.id], ['schedule', 'created', 'a', 'a']);
    assert.equal('last_run' in data.schedule, false);
    assert.ok(id && hello.id && id > hello.id);
  });

  it('resumes after the client’s id, in the header or the query', async () => {
    const { ask, create } = await apiWithEvents();
    const first = await ask();
    const { id: start } = await first.next();
    for (const id of ['a', 'b', 'c']) await create(id);
    const received = await first.take(3);
    for (const how of ['header', 'query']) {
      const again = async (id: string) =>
        how === 'header' ? await ask('', { 'last-event-id': id }) : await ask(`?after=${id}`);
      for (const [i, after] of [start, ...received.map(({ id }) => id)].entries()) {
        const events = await again(after as string);
        const hello = await events.next();
        assert.deepEqual(
          [hello.event, hello.id],
          ['hello', after],
          'nothing is missing so far',
        );
        assert.deepEqual(await events.take(3 - i), received.slice(i));
        await events.cancel();
      }
    }
    const both = await ask(`?after=${start}`, { 'last-event-id': received[1]?.id as string });
    assert.equal((await both.next()).id, received[1]?.id, 'the header takes precedence');
  });

  it('resumes from before this replica’s first event, by the store’s history', async () => {
    const { ask, create, store } = await apiWithEvents();
    const start = await store.events.open(null) as OpenEvents;
    for (const id of ['a', 'b']) await create(id);
    const events = await ask(`?after=${start.start}`);
    assert.deepEqual((await events.take(3)).map(({ event, data }) => [event, data.id]), [
      ['hello', undefined],
      ['schedule', 'a'],
      ['schedule', 'b'],
    ]);
    await create('c');
    assert.equal((await events.next()).data.id, 'c');
  });

  it('sends resync for an unknown id, and continues from now', async () => {
    const { ask, create } = await apiWithEvents();
    await create('before');
    for (const [i, id] of ['nonsense', '82ABCD', '2029-01-01T00:00:00.000Z-000000000001'].entries()) {
      const events = await ask(`?after=${id}`);
      const [hello, resync] = await events.take(2);
      assert.deepEqual([hello?.event, resync?.event, resync?.id], ['hello', 'resync', hello?.id]);
      assert.equal(resync?.data.reason, 'the id is unknown, or the events after it are no longer available');
      await create(`after-${i}`);
      assert.equal((await events.next()).data.id, `after-${i}`);
    }
  });

  it('omits the events that the filter excludes', async () => {
    const { ask, create, store } = await apiWithEvents();
    const all = await ask();
    const some = await ask('?types=leader,schedule&schedule_id=b');
    const leaders = await ask('?types=leader');
    await Promise.all([all, some, leaders].map((events) => events.next()));
    await create('a');
    await create('b');
    await store.lease.acquire({ holder: 'r', boot: 'boot-r', address: 'http://r' }, 60_000, null);
    const short = async (events: EventReader, count: number) =>
      (await events.take(count)).map(({ event, data }) => `${event} ${data.id ?? data.leader}`);
    assert.deepEqual(await short(all, 3), ['schedule a', 'schedule b', 'leader r']);
    assert.deepEqual(await short(some, 2), ['schedule b', 'leader r']);
    assert.deepEqual(await short(leaders, 1), ['leader r']);
  });

  it('refuses invalid parameters', async () => {
    const { app } = await apiWithEvents();
    const refusal = async (query: string) => (await problem(app.request(`/events?${query}`), 400)).detail;
    assert.match(await refusal('types=schedules'), /"schedules" is not a type of event; there are leader,/);
    assert.match(await refusal('limit=1'), /limit: not a query parameter of the events/);
    assert.match(await refusal(`after=${'8'.repeat(5000)}`), /is not an event's/);
  });

  it('sends a heartbeat with the server’s time every 5 s', async () => {
    const { ask, clock } = await apiWithEvents();
    const events = await ask();
    await events.next();
    await clock.advance(5000);
    const beat = await events.next();
    assert.deepEqual(beat, { id: null, event: 'heartbeat', data: { now: '2030-01-01T00:00:00.000Z' } });
  });

  it('sends no heartbeat while the store does not respond', async () => {
    const { ask, clock, log } = await apiWithEvents((store) => troubled(store).feed);
    const events = await ask();
    await events.next();
    await clock.advance(11_000);
    assert.deepEqual(log, ['the stream of events failed; opening it again']);
    for (let i = 0; i < 2; i++) assert.equal(await events.comment(), 'the store does not answer');
  });

  it('refuses the 201st client, until one disconnects', async () => {
    const { app, ask, hub } = await apiWithEvents();
    const clients = [];
    for (let i = 0; i < 200; i++) clients.push(await ask());
    const response = await app.request('/events');
    assert.equal(response.headers.get('retry-after'), '5');
    assert.match((await problem(response, 503)).detail, /limit of 200 clients of the events/);
    await clients[3]?.cancel();
    await ask();
    assert.equal(hub.counts.clients, 200);
  });

  it('ends all streams when the replica stops, and lets later clients reconnect elsewhere', async () => {
    const { app, ask, hub } = await apiWithEvents();
    const clients = [await ask(), await ask()];
    await Promise.all(clients.map((events) => events.next()));
    const welcomed = await ask();
    hub.close();
    for (const events of clients) assert.deepEqual(await events.rest(), []);
    assert.deepEqual((await welcomed.rest()).map(({ event }) => event), ['hello']);
    assert.equal(hub.counts.clients, 0);
    const late = await app.request('/events');
    assert.equal(await late.text(), 'retry: 250\n: this replica is stopping\n\n');
  });

  it('reads one stream for all clients, and closes it a while after the last one', async () => {
    let opened = 0;
    let closed = 0;
    const { ask, clock } = await apiWithEvents((store) => ({
      open: async (after) => {
        opened++;
        const events = await store.events.open(after) as OpenEvents;
        return { start: events.start, next: () => events.next(), close: () => (closed++, events.close()) };
      },
    }));
    const clients = [await ask(), await ask(), await ask()];
    await Promise.all(clients.map((events) => events.next()));
    assert.deepEqual([opened, closed], [1, 0]);
    for (const events of clients) await events.cancel();
    await clock.advance(29_000);
    assert.equal(closed, 0);
    const back = await ask();
    await back.next();
    await back.cancel();
    assert.equal(opened, 1, 'the stream is still open for a client that returns in time');
    await clock.advance(30_000);
    assert.equal(closed > 0, true);
    const later = await ask();
    await later.next();
    assert.equal(opened, 2);
  });
});

/** Opens a stream, and then fails. */
function troubled(store: Store): { feed: EventFeed } {
  let opened = false;
  return {
    feed: {
      async open(after) {
        if (opened) throw new StoreUnavailable('away');
        opened = true;
        const events = await store.events.open(after) as OpenEvents;
        return { ...events, next: () => Promise.reject(new StoreUnavailable('away')) };
      },
    },
  };
}
