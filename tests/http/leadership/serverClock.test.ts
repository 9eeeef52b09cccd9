/** A server's clock that was set back, in the API over both stores. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Hono } from 'hono';
import type { Clock } from '../../../src/actors/shared/environment.ts';
import type { Store } from '../../../src/actors/store.ts';
import type { Lease } from '../../../src/domain/leadership/lease.ts';
import { EventHub } from '../../../src/http/events/hub.ts';
import { eventRoutes } from '../../../src/http/events/routes.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { memoryDatabase } from '../../../src/infra/memory/store.ts';
import { mongoDatabase } from '../../store/mongoDatabase.ts';
import { testMongo } from '../../../harness/cluster/mongo.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { NO_MARK } from '../../support/leases.ts';
import { type EventReader, readEvents } from '../../support/sse.ts';
import { HOURLY, json, lead, send, testApi } from '../support.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const replica = { id: 'replica-1', boot: 'boot-1', address: '', version: '' };

interface Given {
  app: Hono;
  store: Store;
  /** Sets the server's clock back, as the lease records it. */
  setBack(ms: number): Promise<void>;
  /** Follows the events; resolves after `hello`. */
  follow(query?: string): Promise<EventReader>;
}

type Use = (body: (given: Given) => Promise<void>) => Promise<void>;

const mongo = await testMongo();
after(() => mongo.stop());

async function over(
  store: Store,
  clock: Clock,
  setBack: Given['setBack'],
  body: (given: Given) => Promise<void>,
) {
  await store.prepare();
  const hub = new EventHub({ events: store.events, clock, logger: silent, serverNowMs: () => 0, replica });
  const { app } = await testApi({ store: () => store, more: eventRoutes(hub) });
  const follow = async (query = '') => {
    const response = await app.request(`/events${query}`);
    assert.equal(response.status, 200);
    const events = readEvents(response.body as ReadableStream<Uint8Array>);
    assert.equal((await events.next()).event, 'hello');
    return events;
  };
  await body({ app, store, setBack, follow });
  hub.close();
}

const overMemory: Use = async (body) => {
  const clock = new SimClock();
  let behindMs = 0;
  const server: Clock = {
    now: () => clock.now() - behindMs,
    monotonic: () => clock.monotonic(),
    setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
    clearTimeout: (handle) => clock.clearTimeout(handle),
  };
  await over(memoryDatabase({ clock: server }).connect(), server, async (ms) => void (behindMs += ms), body);
};

const overMongo: Use = async (body) => {
  const database = mongoDatabase(mongo);
  const leases = database.raw.db(database.name).collection<Lease & { _id: string }>('leases');
  /** The lease as an earlier renewal would leave it. */
  const setBack = async (ms: number) => {
    const lease = await leases.findOne({ _id: 'leader' });
    const ahead = (at: Date | null | undefined) => new Date((at?.getTime() ?? 0) + ms);
    await leases.updateOne({ _id: 'leader' }, {
      $set: { renewed_at: ahead(lease?.renewed_at), latest_at: ahead(lease?.latest_at) },
    });
  };
  try {
    await over(database.connect(), systemClock(), setBack, body);
  } finally {
    await database.close();
  }
};

/** About that long: a real clock advances meanwhile. */
function assertAbout(ms: number, expectedMs: number): void {
  assert.ok(ms <= expectedMs && ms > expectedMs - 10_000, `${ms} is not about ${expectedMs}`);
}

const lengthMs = ({ from, to }: { from: string; to: string }) => Date.parse(from) - Date.parse(to);

for (
  const [name, given, skip] of [['memory', overMemory, false], ['MongoDB', overMongo, mongo.skip]] as const
) {
  describe(`a server's clock that is set back, over ${name}`, { skip, timeout: 60_000 }, () => {
    it('is reported by /cluster: the last set-back, and how far the clock is behind its latest time', () =>
      given(async ({ app, store, setBack }) => {
        const clock = async () => (await json(app.request('/cluster'))).clock;
        const grant = await lead(store);
        assert.deepEqual(await clock(), { set_back: null, behind_ms: 0 });
        await setBack(3_600_000);
        const { set_back, behind_ms } = await clock();
        assert.equal(set_back, null, 'no renewal since');
        assertAbout(behind_ms, 3_600_000);
        await store.lease.renew(grant, 60_000, NO_MARK);
        const first = await clock();
        assertAbout(lengthMs(first.set_back), 3_600_000);
        assertAbout(first.behind_ms, 3_600_000);
        await setBack(40_000);
        await store.lease.renew(grant, 60_000, NO_MARK);
        const second = await clock();
        assertAbout(lengthMs(second.set_back), 40_000);
        if (name === 'memory') assert.equal(second.behind_ms, 3_640_000);
        await setBack(-1e9);
        await store.lease.renew(grant, 60_000, NO_MARK);
        assert.deepEqual(await clock(), { set_back: second.set_back, behind_ms: 0 }, 'forward');
      }));

    it('is one event each, which can be filtered and resumed', () =>
      given(async ({ app, store, setBack, follow }) => {
        const grant = await lead(store);
        const all = await follow();
        const alone = await follow('?types=clock');
        const renew = () => store.lease.renew(grant, 60_000, NO_MARK);
        for (const ms of [3_600_000, 40_000]) {
          await setBack(ms);
          for (let i = 0; i < 3; i++) await renew();
        }
        await setBack(900);
        await renew();
        await send(app, 'POST', '/schedules', { ...HOURLY, id: 'last' });
        const received = await all.take(3);
        assert.deepEqual(received.map(({ event }) => event), ['clock', 'clock', 'schedule']);
        const [first, second] = received;
        assertAbout(lengthMs(first?.data.set_back), 3_600_000);
        assertAbout(lengthMs(second?.data.set_back), 40_000);
        assert.deepEqual(await alone.take(2), [first, second]);
        const again = await follow(`?types=clock,schedule&after=${first?.id}`);
        assert.deepEqual(await again.take(2), received.slice(1));
      }));

    it('is reported by the first renewal when a term begins with it', () =>
      given(async ({ store, setBack, follow }) => {
        const dead = await lead(store);
        const events = await follow('?types=clock,leader');
        await setBack(60_000);
        const next = { holder: 'replica-3', boot: 'boot-3', address: '' };
        const won = await store.lease.acquire(next, 60_000, { ...dead, diedAt: new Date(0) });
        assertAbout(
          won?.lease.set_back ? lengthMs(JSON.parse(JSON.stringify(won.lease.set_back))) : 0,
          60_000,
        );
        const grant = { holder: 'replica-3', boot: 'boot-3', term: 2 };
        for (let i = 0; i < 2; i++) await store.lease.renew(grant, 60_000, NO_MARK);
        await store.lease.release(grant, 'released');
        assert.deepEqual((await events.take(3)).map(({ event }) => event), ['leader', 'clock', 'leader']);
      }));
  });
}
