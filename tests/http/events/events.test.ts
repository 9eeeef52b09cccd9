/** `GET /events` over the store in memory: what is told, in which order, from where on, and to whom. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventFeed, EventStep, OpenEvents } from '../../../src/actors/events/eventFeed.ts';
import type { Store } from '../../../src/actors/store.ts';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { EventHub } from '../../../src/http/events/hub.ts';
import { eventRoutes } from '../../../src/http/events/routes.ts';
import { memoryDatabase } from '../../../src/infra/memory/store.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { type EventReader, readEvents } from '../../support/sse.ts';
import { HOURLY, NOW_MS, problem, send, testApi } from '../support.ts';

async function setUp(feed: (store: Store) => EventFeed = (store) => store.events) {
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

describe('GET /events', () => {
  it('says hello first, and then what happens, each with an id', async () => {
    const { app, ask, create } = await setUp();
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

  it('goes on after the id that a client has, by its header or in the query', async () => {
    const { ask, create } = await setUp();
    const first = await ask();
    const { id: start } = await first.next();
    for (const id of ['a', 'b', 'c']) await create(id);
    const told = await first.take(3);
    for (const how of ['header', 'query']) {
      const again = async (id: string) =>
        how === 'header' ? await ask('', { 'last-event-id': id }) : await ask(`?after=${id}`);
      for (const [i, after] of [start, ...told.map(({ id }) => id)].entries()) {
        const events = await again(after as string);
        const hello = await events.next();
        assert.deepEqual(
          [hello.event, hello.id],
          ['hello', after],
          'whoever comes back has missed nothing yet',
        );
        assert.deepEqual(await events.take(3 - i), told.slice(i));
        await events.cancel();
      }
    }
    const both = await ask(`?after=${start}`, { 'last-event-id': told[1]?.id as string });
    assert.equal((await both.next()).id, told[1]?.id, 'the header is the newer one');
  });

  it('goes on after an id from before this replica read events, by the history of the store', async () => {
    const { ask, create, store } = await setUp();
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

  it('says resync for an id that it does not know, and goes on from now', async () => {
    const { ask, create } = await setUp();
    await create('before');
    for (const [i, id] of ['nonsense', '82ABCD', '2029-01-01T00:00:00.000Z-000000000001'].entries()) {
      const events = await ask(`?after=${id}`);
      const [hello, resync] = await events.take(2);
      assert.deepEqual([hello?.event, resync?.event, resync?.id], ['hello', 'resync', hello?.id]);
      assert.equal(resync?.data.reason, 'the id is unknown, or too old for its history');
      await create(`after-${i}`);
      assert.equal((await events.next()).data.id, `after-${i}`);
    }
  });

  it('leaves out what was not asked for', async () => {
    const { ask, create, store } = await setUp();
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

  it('refuses what it does not understand', async () => {
    const { app } = await setUp();
    const refusal = async (query: string) => (await problem(app.request(`/events?${query}`), 400)).detail;
    assert.match(await refusal('types=schedules'), /"schedules" is not a type of event; there are leader,/);
    assert.match(await refusal('limit=1'), /limit: not a query parameter of the events/);
    assert.match(await refusal(`after=${'8'.repeat(5000)}`), /longer than any of ours/);
  });

  it('says every 5 s that it is live, and what time it is', async () => {
    const { ask, clock } = await setUp();
    const events = await ask();
    await events.next();
    await clock.advance(5000);
    const beat = await events.next();
    assert.deepEqual(beat, { id: null, event: 'heartbeat', data: { now: '2030-01-01T00:00:00.000Z' } });
  });

  it('does not say that it is live while the store does not answer', async () => {
    const { ask, clock, log } = await setUp((store) => troubled(store).feed);
    const events = await ask();
    await events.next();
    await clock.advance(11_000);
    assert.deepEqual(log, ['the stream of events broke; opening it again']);
    for (let i = 0; i < 2; i++) assert.equal(await events.comment(), 'the store does not answer');
  });

  it('refuses the 201st, and has its place again when one goes away', async () => {
    const { app, ask, hub } = await setUp();
    const clients = [];
    for (let i = 0; i < 200; i++) clients.push(await ask());
    const response = await app.request('/events');
    assert.equal(response.headers.get('retry-after'), '5');
    assert.match((await problem(response, 503)).detail, /^200 clients read the events/);
    await clients[3]?.cancel();
    await ask();
    assert.equal(hub.counts.clients, 200);
  });

  it('ends all streams when the replica stops, and sends whoever comes then elsewhere', async () => {
    const { app, ask, hub } = await setUp();
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

  it('reads one stream for all, and none a while after the last client', async () => {
    let opened = 0;
    let closed = 0;
    const { ask, clock } = await setUp((store) => ({
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
    assert.equal(opened, 1, 'who comes back in time finds it open');
    await clock.advance(30_000);
    assert.equal(closed > 0, true);
    const later = await ask();
    await later.next();
    assert.equal(opened, 2);
  });
});

/** A feed whose events are numbers, told when the test says so. Positions are numbers of nine digits. */
class NumberFeed implements EventFeed {
  /** The newest event of the history, and the newest that streams opened without a position know of. */
  end = 0;
  liveEnd = 0;
  /** Replaced by tests: what the next reading of an open stream does instead. */
  trouble: (after: string | null) => 'lost' | Error | null = () => null;
  opened: (string | null)[] = [];
  #waiting: (() => void)[] = [];

  position = (number: number) => String(number).padStart(9, '0');

  wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  open(after: string | null): Promise<OpenEvents | 'lost'> {
    this.opened.push(after);
    let at = after === null ? this.liveEnd : Number(after);
    const start = this.position(at);
    const next = async (): Promise<EventStep | 'lost'> => {
      for (;;) {
        const trouble = this.trouble(after);
        if (trouble instanceof Error) throw trouble;
        if (trouble === 'lost') return 'lost';
        if (at < (after === null ? this.liveEnd : this.end)) break;
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      const run = { id: `${++at}`, schedule_id: 'a', state: 'succeeded', count: 1 } as Run;
      return { event: { type: 'run', run }, position: this.position(at) };
    };
    return Promise.resolve({ start, next, close: () => this.wake() });
  }
}

describe('GET /events, with a history', () => {
  const numbers = async (events: EventReader, count: number) =>
    (await events.take(count)).map(({ event, data }) => event === 'run' ? Number(data.id) : event);
  async function numbered(end: number, liveEnd = end) {
    const feed = new NumberFeed();
    Object.assign(feed, { end, liveEnd });
    const setting = await setUp(() => feed);
    const tell = (number: number) => {
      Object.assign(feed, { end: number, liveEnd: number });
      feed.wake();
    };
    return { ...setting, feed, tell };
  }

  it('catches up with thousands, and goes on with what comes meanwhile', async () => {
    const { ask, tell, feed } = await numbered(5000);
    const events = await ask(`?after=${feed.position(10)}`);
    assert.deepEqual(await numbers(events, 1001), [
      'hello',
      ...Array.from({ length: 1000 }, (_, i) => 11 + i),
    ]);
    tell(5003);
    const rest = Array.from({ length: 5003 - 1010 }, (_, i) => 1011 + i);
    assert.deepEqual(await numbers(events, rest.length), rest);
    tell(5004);
    assert.deepEqual(await numbers(events, 1), [5004]);
  });

  it('does not replay more than 10,000', async () => {
    const { ask, tell, feed } = await numbered(20_000);
    const events = await ask(`?after=${feed.position(1)}`);
    await numbers(events, 10_001);
    const resync = await events.next();
    assert.deepEqual([resync.event, resync.id], ['resync', feed.position(20_000)]);
    assert.equal(resync.data.reason, 'more than 10000 events came after the id');
    tell(20_001);
    assert.deepEqual(await numbers(events, 1), [20_001]);
  });

  it('goes on catching up after an error, and gives up after four', async () => {
    for (const failures of [3, 4]) {
      const { ask, feed, clock } = await numbered(10);
      let left = failures;
      feed.trouble = (after) => after !== null && left-- > 0 ? new StoreUnavailable('away') : null;
      const events = await ask(`?after=${feed.position(7)}`);
      const told = numbers(events, failures === 3 ? 4 : 2);
      await clock.advance(2000);
      assert.deepEqual(await told, failures === 3 ? ['hello', 8, 9, 10] : ['hello', 'resync']);
    }
  });

  it('tells a client that is ahead of this replica only what it does not have', async () => {
    const { ask, feed, tell } = await numbered(7, 5);
    const events = await ask(`?after=${feed.position(7)}`);
    assert.deepEqual(await numbers(events, 1), ['hello']);
    tell(9);
    assert.deepEqual(await numbers(events, 2), [8, 9]);
  });

  it('says resync to one that stays ahead of all that happens', async () => {
    const { ask, feed, clock } = await numbered(5);
    const events = await ask(`?after=${feed.position(900)}`);
    feed.trouble = () => null;
    const beat = async () => {
      // The stream says something, as it does every half second.
      Object.assign(feed, { liveEnd: feed.liveEnd + 1 });
      feed.wake();
      await clock.advance(100);
    };
    for (let i = 0; i < 160; i++) await beat();
    assert.deepEqual(await numbers(events, 5), ['hello', 'heartbeat', 'heartbeat', 'heartbeat', 'resync']);
  });

  it('says resync to all when its own stream is lost, and goes on', async () => {
    const { ask, feed, tell, clock } = await numbered(5);
    const clients = [await ask(), await ask('?types=leader')];
    await Promise.all(clients.map((events) => events.next()));
    feed.trouble = (after) => feed.opened.length === 1 && after === null ? 'lost' : null;
    feed.wake();
    await clock.advance(600);
    assert.deepEqual(feed.opened, [null, null]);
    for (const events of clients) assert.equal((await events.next()).event, 'resync');
    tell(6);
    assert.deepEqual(await numbers(clients[0] as EventReader, 1), [6]);
  });

  it('goes on where it was when its stream broke, without a word', async () => {
    const { ask, feed, tell, clock } = await numbered(5);
    const events = await ask();
    assert.deepEqual(await numbers(events, 1), ['hello']);
    feed.trouble = (after) => after === null ? new StoreUnavailable('away') : null;
    tell(8);
    await clock.advance(600);
    assert.deepEqual(await numbers(events, 3), [6, 7, 8]);
    assert.deepEqual(feed.opened, [null, feed.position(5)]);
  });

  it('lets go of who leaves, and of all when it stops, while they catch up', async () => {
    const { ask, feed, clock, hub, log } = await numbered(10);
    feed.trouble = (after) => after !== null ? new StoreUnavailable('away') : null;
    const leaving = await ask(`?after=${feed.position(7)}`);
    const staying = await ask(`?after=${feed.position(8)}`);
    await clock.advance(600);
    await leaving.cancel();
    hub.close();
    await clock.advance(5000);
    assert.deepEqual((await staying.rest()).map(({ event }) => event), ['hello']);
    assert.deepEqual([hub.counts.clients, log], [0, []]);
  });

  it('cuts off who does not take what it asked to have again, so that others get their turn', async () => {
    const { ask, app, feed, clock, hub } = await numbered(5000);
    const sleepers = [];
    for (let i = 0; i < 8; i++) sleepers.push(await app.request(`/events?after=${feed.position(1)}`));
    const patient = await ask(`?after=${feed.position(4998)}`);
    const told = numbers(patient, 3);
    await clock.advance(11_000);
    assert.deepEqual(await told, ['hello', 4999, 5000]);
    assert.deepEqual(hub.counts, { clients: 1, cutOff: 8 });
    assert.equal(sleepers.length, 8);
  });
});

/** Answers the opening, and nothing else. */
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
