/** Malformed documents in the collection of schedules: they are reported, and do not affect any other schedule. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Document } from 'mongodb';
import type { Store } from '../../../src/actors/store.ts';
import { isUnderstood } from '../../../src/domain/schedules/schedule.ts';
import type { TestMongo } from '../../../harness/cluster/mongo.ts';
import { mongoDatabase } from '../mongoDatabase.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { create, Recorder } from '../support.ts';

const TIMES = { times: [new Date(0), new Date(1)] };

/** By what is malformed. */
const MALFORMED: Record<string, Document> = {
  nothing: {},
  'no revision': {
    type: 'cron',
    definition: { cron_expression: '@daily', timezone: 'UTC' },
    tags: { a: 'b' },
  },
  'tags that are text': { type: 'duration', tags: 'a:b', paused: 'no', name: 7 },
  'tags that are a list': { type: 'duration', tags: [{ a: 'b' }], revision: 'first' },
  'a list of definitions': { type: 'at_times', definition: [TIMES, TIMES] },
  'times that are text': { type: 'at_times', definition: { times: 'soon' } },
  'times of every kind': {
    type: 'at_times',
    definition: { times: ['soon', null, 7] },
    effective_from: [],
    start_at: {},
  },
  'no times': { type: 'at_times', definition: { times: [] }, superseded: 'none' },
  'a list of types': { type: ['at_times', 'cron'], definition: null },
};

export function malformedScheduleCases(mongo: TestMongo): void {
  const test = (
    name: string,
    body: (store: Store, raw: (id: string) => Promise<Document | null>) => Promise<void>,
  ) =>
    it(name, { timeout: 30_000 }, async () => {
      const database = mongoDatabase(mongo);
      try {
        const store = database.connect();
        await store.prepare();
        const docs = database.raw.db(database.name).collection<{ _id: string }>('schedules');
        await docs.insertMany(Object.entries(MALFORMED).map(([_id, doc]) => ({ _id, ...doc })));
        await create(store, 'good', { ...everySpec('1s'), tags: { a: 'b' } });
        await body(store, (id) => docs.findOne({ _id: id }));
      } finally {
        await database.close();
      }
    });

  test('malformed schedules are in every list that they match, and hide no other schedule', async (store) => {
    const all = [...Object.keys(MALFORMED), 'good'].sort();
    const ids = async (query: object) => {
      const { items } = await store.schedules.list({ limit: 50, cursor: null, ...query }, 0);
      const known = items.filter(isUnderstood).map(({ id }) => id);
      assert.deepEqual(known, known.length === 0 ? [] : ['good']);
      assert.equal(await store.schedules.count(query), items.length);
      return items.map(({ id }) => id);
    };
    assert.deepEqual(await ids({}), all);
    assert.deepEqual(await ids({ tags: [{ key: 'a', value: 'b' }] }), ['good', 'no revision']);
    assert.deepEqual(await ids({ type: 'cron' }), ['a list of types', 'no revision']);
    assert.deepEqual(await ids({ paused: false }), ['good']);
    assert.deepEqual(await ids({ q: 'o' }), all.filter((id) => id.includes('o')));
  });

  test('malformed schedules are set aside by the mirror, each with its reason', async (store) => {
    const { schedules, notUnderstood, feed } = await store.feed.snapshot(new Recorder());
    feed.close();
    assert.deepEqual(schedules.map(({ id }) => id), ['good']);
    assert.deepEqual(notUnderstood.map(({ id }) => id).sort(), Object.keys(MALFORMED).sort());
    for (const { id, not_understood } of notUnderstood) {
      assert.ok(not_understood.length > 10, id);
      assert.deepEqual(await store.schedules.get(id), { id, not_understood });
    }
  });

  test('malformed schedules keep their ids, unchanged, until they are deleted', async (store, raw) => {
    for (const id of Object.keys(MALFORMED)) {
      const before = await raw(id);
      assert.equal(await store.schedules.create(id, everySpec('1s')), 'conflict', id);
      assert.deepEqual(await store.schedules.replace(id, everySpec('1s')), await store.schedules.get(id));
      assert.deepEqual(await raw(id), before);
      const removed = await store.schedules.remove(id);
      assert.ok(removed !== null && removed !== 'conflict' && !isUnderstood(removed), id);
      await create(store, id);
    }
  });
}
