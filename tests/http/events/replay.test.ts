/** `GET /events` after an id that the replica no longer has, by a feed of numbered events. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventFeed, EventStep, OpenEvents } from '../../../src/actors/events/eventFeed.ts';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { claimed } from '../../support/runs.ts';
import type { EventReader } from '../../support/sse.ts';
import { NOW_MS } from '../support.ts';
import { apiWithEvents } from './support.ts';

/** A feed of numbered events, which the test emits. Positions are numbers of nine digits. */
class NumberFeed implements EventFeed {
  /** The newest event for streams that are opened at a position, and for those that are opened without one. */
  end = 0;
  liveEnd = 0;
  /** Replaced by tests: the outcome of the next read of an open stream, if it is not an event. */
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
      const run: Run = { ...claimed('a', NOW_MS), id: `${++at}`, state: 'succeeded' };
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
    const api = await apiWithEvents(() => feed);
    const emitThrough = (number: number) => {
      Object.assign(feed, { end: number, liveEnd: number });
      feed.wake();
    };
    return { ...api, feed, emitThrough };
  }

  it('replays thousands of events, and continues with those that come meanwhile', async () => {
    const { ask, emitThrough, feed } = await numbered(5000);
    const events = await ask(`?after=${feed.position(10)}`);
    assert.deepEqual(await numbers(events, 1001), [
      'hello',
      ...Array.from({ length: 1000 }, (_, i) => 11 + i),
    ]);
    emitThrough(5003);
    const rest = Array.from({ length: 5003 - 1010 }, (_, i) => 1011 + i);
    assert.deepEqual(await numbers(events, rest.length), rest);
    emitThrough(5004);
    assert.deepEqual(await numbers(events, 1), [5004]);
  });

  it('does not replay more than 10,000', async () => {
    const { ask, emitThrough, feed } = await numbered(20_000);
    const events = await ask(`?after=${feed.position(1)}`);
    await numbers(events, 10_001);
    const resync = await events.next();
    assert.deepEqual([resync.event, resync.id], ['resync', feed.position(20_000)]);
    assert.equal(resync.data.reason, 'there are more than 10000 events after the id');
    emitThrough(20_001);
    assert.deepEqual(await numbers(events, 1), [20_001]);
  });

  it('retries a replay after an error, and gives up after four', async () => {
    for (const failures of [3, 4]) {
      const { ask, feed, clock } = await numbered(10);
      let left = failures;
      feed.trouble = (after) => after !== null && left-- > 0 ? new StoreUnavailable('away') : null;
      const events = await ask(`?after=${feed.position(7)}`);
      const received = numbers(events, failures === 3 ? 4 : 2);
      await clock.advance(2000);
      assert.deepEqual(await received, failures === 3 ? ['hello', 8, 9, 10] : ['hello', 'resync']);
    }
  });

  it('sends a client that is ahead of this replica only the events that it lacks', async () => {
    const { ask, feed, emitThrough } = await numbered(7, 5);
    const events = await ask(`?after=${feed.position(7)}`);
    assert.deepEqual(await numbers(events, 1), ['hello']);
    emitThrough(9);
    assert.deepEqual(await numbers(events, 2), [8, 9]);
  });

  it('sends resync to a client that stays ahead of all events', async () => {
    const { ask, feed, clock } = await numbered(5);
    const events = await ask(`?after=${feed.position(900)}`);
    feed.trouble = () => null;
    const beat = async () => {
      // The stream responds, as it does every half second.
      Object.assign(feed, { liveEnd: feed.liveEnd + 1 });
      feed.wake();
      await clock.advance(100);
    };
    for (let i = 0; i < 160; i++) await beat();
    assert.deepEqual(await numbers(events, 5), ['hello', 'heartbeat', 'heartbeat', 'heartbeat', 'resync']);
  });

  it('sends resync to all when its own stream is lost, and continues', async () => {
    const { ask, feed, emitThrough, clock } = await numbered(5);
    const clients = [await ask(), await ask('?types=leader')];
    await Promise.all(clients.map((events) => events.next()));
    feed.trouble = (after) => feed.opened.length === 1 && after === null ? 'lost' : null;
    feed.wake();
    await clock.advance(600);
    assert.deepEqual(feed.opened, [null, null]);
    for (const events of clients) assert.equal((await events.next()).event, 'resync');
    emitThrough(6);
    assert.deepEqual(await numbers(clients[0] as EventReader, 1), [6]);
  });

  it('resumes its stream after an error, and clients do not notice', async () => {
    const { ask, feed, emitThrough, clock } = await numbered(5);
    const events = await ask();
    assert.deepEqual(await numbers(events, 1), ['hello']);
    feed.trouble = (after) => after === null ? new StoreUnavailable('away') : null;
    emitThrough(8);
    await clock.advance(600);
    assert.deepEqual(await numbers(events, 3), [6, 7, 8]);
    assert.deepEqual(feed.opened, [null, feed.position(5)]);
  });

  it('releases clients that disconnect, and all when it stops, during their replay', async () => {
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

  it('cuts off a client that does not read its replay, so that others proceed', async () => {
    const { ask, app, feed, clock, hub } = await numbered(5000);
    const sleepers = [];
    for (let i = 0; i < 8; i++) sleepers.push(await app.request(`/events?after=${feed.position(1)}`));
    const patient = await ask(`?after=${feed.position(4998)}`);
    const received = numbers(patient, 3);
    await clock.advance(11_000);
    assert.deepEqual(await received, ['hello', 4999, 5000]);
    assert.deepEqual(hub.counts, { clients: 1, cutOff: 8 });
    assert.equal(sleepers.length, 8);
  });
});
