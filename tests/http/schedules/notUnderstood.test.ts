/** Schedules that this version does not understand, in the API over both stores. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Hono } from 'hono';
import type { Store } from '../../../src/actors/store.ts';
import { memoryDatabase } from '../../../src/infra/memory/store.ts';
import { mongoDatabase } from '../../store/mongoDatabase.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { testMongo } from '../../../harness/cluster/mongo.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { EventHub } from '../../../src/http/events/hub.ts';
import { eventRoutes } from '../../../src/http/events/routes.ts';
import { readEvents } from '../../support/sse.ts';
import { HOURLY, json, NOW_MS, problem, send, testApi } from '../support.ts';

const REASON = 'type is "rrule", which this version does not know';
const ADVICE =
  `is not understood by this version, and can only be read or deleted here; a replica of a newer version may understand it: ${REASON}`;

interface Given {
  app: Hono;
  store: Store;
  /** Changes the stored schedule as a newer version could: this one no longer understands it. */
  makeOdd(id: string): Promise<void>;
  /** The stored document. */
  stored(id: string): Promise<unknown>;
}

const mongo = await testMongo();
after(() => mongo.stop());

async function overMemory(body: (given: Given) => Promise<void>): Promise<void> {
  const odd = new Set<string>();
  const database = memoryDatabase({ clock: new SimClock(NOW_MS) });
  const newer = database.connect();
  const store = database.connect({ obstacle: ({ id }) => odd.has(id) ? REASON : null });
  const { app } = await testApi({ store: () => store });
  await store.prepare();
  await body({ app, store, makeOdd: async (id) => void odd.add(id), stored: newer.schedules.get });
}

async function overMongo(body: (given: Given) => Promise<void>): Promise<void> {
  const database = mongoDatabase(mongo);
  try {
    const store = database.connect();
    const { app } = await testApi({ store: () => store });
    await store.prepare();
    const schedules = database.raw.db(database.name).collection<{ _id: string }>('schedules');
    await body({
      app,
      store,
      makeOdd: async (id) => void await schedules.updateOne({ _id: id }, { $set: { type: 'rrule' } }),
      stored: (id) => schedules.findOne({ _id: id }),
    });
  } finally {
    await database.close();
  }
}

for (
  const [name, given, skip] of [['memory', overMemory, false], ['MongoDB', overMongo, mongo.skip]] as const
) {
  describe(`a schedule that is not understood, over ${name}`, { skip, timeout: 60_000 }, () => {
    const create = async (app: Hono, id: string, more: object = {}) =>
      assert.equal((await send(app, 'POST', '/schedules', { ...HOURLY, id, ...more })).status, 201);
    const test = (what: string, body: (given: Given) => Promise<void>) => it(what, () => given(body));
    const ODD = { id: 'odd', not_understood: REASON };
    const withOdd = (body: (given: Given) => Promise<void>) => async (found: Given) => {
      await create(found.app, 'odd', { paused: true });
      await found.makeOdd('odd');
      await body(found);
    };

    test(
      'is read as its id and the reason, without a revision',
      withOdd(async ({ app }) => {
        const response = await app.request('/schedules/odd');
        assert.deepEqual([response.status, response.headers.get('etag')], [200, null]);
        assert.deepEqual(await response.json(), ODD);
        const head = await app.request('/schedules/odd', { method: 'HEAD' });
        assert.deepEqual([head.status, await head.text()], [200, '']);
      }),
    );

    test('is in the list at its place, on every page, and counted', async ({ app, makeOdd }) => {
      for (const id of ['a', 'odd', 'p', 'z']) {
        await create(app, id, { tags: { team: id }, name: `The ${id}` });
      }
      for (const id of ['odd', 'z']) await makeOdd(id);
      const briefly = (items: { id: string; not_understood?: string; recent_runs?: [] }[]) =>
        items.map(({ id, not_understood, recent_runs }) => [id, not_understood, recent_runs]);
      const whole = await app.request('/schedules?recent=2');
      assert.equal(whole.headers.get('x-total-count'), '4');
      assert.deepEqual(briefly(await json(whole)), [
        ['a', undefined, []],
        ['odd', REASON, undefined],
        ['p', undefined, []],
        ['z', REASON, undefined],
      ]);
      for (const limit of [1, 2, 3]) {
        const ids: string[] = [];
        for (let path: string | undefined = `/schedules?limit=${limit}`; path !== undefined;) {
          const page: Response = await app.request(path);
          ids.push(...(await json(page)).map(({ id }: { id: string }) => id));
          path = /<(.*)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
        }
        assert.deepEqual(ids, ['a', 'odd', 'p', 'z'], `pages of ${limit}`);
      }
      for (const query of ['q=ODD', 'tag=team:odd', 'paused=false&q=the%20odd']) {
        const found = await app.request(`/schedules?${query}`);
        assert.equal(found.headers.get('x-total-count'), '1', query);
        assert.deepEqual(await json(found), [ODD], query);
      }
    });

    test(
      'can only be deleted, and has no commands',
      withOdd(async ({ app, store, stored }) => {
        const before = await stored('odd');
        const detail = `schedule "odd" ${ADVICE}`;
        for (const headers of [{}, { 'if-match': '"1"' }, { 'if-match': '"9"' }]) {
          const refused = send(app, 'PUT', '/schedules/odd', HOURLY, headers);
          assert.equal((await problem(refused, 409)).detail, detail);
        }
        for (const command of ['pause', 'resume', 'trigger']) {
          const refused = app.request(`/schedules/odd/${command}`, { method: 'POST' });
          assert.equal((await problem(refused, 409)).detail, detail, command);
        }
        assert.equal((await problem(app.request('/schedules/odd/occurrences'), 409)).detail, detail);
        await problem(send(app, 'POST', '/schedules', { ...HOURLY, id: 'odd' }), 409);
        assert.deepEqual(
          await store.schedules.replace('odd', everySpec('1s')),
          ODD,
          'with If-Match too',
        );
        assert.deepEqual(await stored('odd'), before);
        assert.deepEqual(await json(app.request('/runs')), []);
        const preview = await send(app, 'POST', '/schedules/preview', { type: 'rrule', definition: {} });
        assert.equal(preview.status, 422, 'a preview is refused as well');
      }),
    );

    test(
      'can be deleted, if its revision matches',
      withOdd(async ({ app, stored }) => {
        const remove = (headers: Record<string, string>) =>
          app.request('/schedules/odd', { method: 'DELETE', headers });
        await problem(remove({ 'if-match': '"9"' }), 412);
        assert.ok(await stored('odd'));
        const removed = await remove({ 'if-match': '"1"' });
        assert.deepEqual([removed.status, await removed.json()], [200, ODD]);
        await problem(app.request('/schedules/odd'), 404);
        await problem(remove({}), 404);
      }),
    );
  });
}

it('events represent a schedule that is not understood as lists do', async () => {
  const clock = new SimClock(NOW_MS);
  const database = memoryDatabase({ clock });
  const store = database.connect({ obstacle: ({ id }) => id === 'odd' ? REASON : null });
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const replica = { id: 'replica-1', boot: 'boot-1', address: '', version: '' };
  const hub = new EventHub({
    events: store.events,
    clock,
    logger: silent,
    serverNowMs: () => NOW_MS,
    replica,
  });
  const { app } = await testApi({ store: () => store, more: eventRoutes(hub) });
  const response = await app.request('/events?schedule_id=odd');
  const events = readEvents(response.body as ReadableStream<Uint8Array>);
  assert.equal((await events.next()).event, 'hello');
  for (const id of ['plain', 'odd']) await send(app, 'POST', '/schedules', { ...HOURLY, id });
  await app.request('/schedules/odd', { method: 'DELETE' });
  assert.deepEqual((await events.take(2)).map(({ data }) => data), [
    { change: 'created', id: 'odd', schedule: { id: 'odd', not_understood: REASON } },
    { change: 'deleted', id: 'odd', schedule: null },
  ]);
  hub.close();
});
