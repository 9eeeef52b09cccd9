/** Parts of the database are deleted while a cluster runs: it creates them again, logs it, and loses nothing. */
import assert from 'node:assert/strict';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { type Db, MongoClient } from 'mongodb';
import { eventually } from '../store/support.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { type Line, ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';

const mongo = await testMongo();
after(() => mongo.stop());

const EVERY_MS = 50;
const STEADY = { id: 'steady', type: 'duration', definition: { interval: `${EVERY_MS}ms` } };
/** Includes the one on `_id`. */
const INDEX_COUNTS = { runs: 10, replicas: 2, leadership: 2 };
const MADE_AGAIN = 'parts of the database were missing; created them again';

describe('a cluster whose database is partly deleted', { skip: mongo.skip, timeout: 120_000 }, () => {
  let client: MongoClient;
  let db: Db;
  let cluster: ProcessCluster;

  beforeEach(async () => {
    const database = mongo.database();
    client = await MongoClient.connect(mongo.uri);
    db = client.db(database);
    cluster = new ProcessCluster({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
    const [a, b] = await Promise.all(['a', 'b'].map((id) => cluster.add(id)));
    await Promise.all([a, b].map((replica) => replica!.said((line) => line.msg === 'now follower')));
    await Promise.any([a, b].map((replica) => replica!.said((line) => line.msg === 'leading')));
  });

  afterEach(async () => {
    await cluster.stop();
    await db.dropDatabase();
    await client.close();
  });

  const create = async () => {
    const init = { method: 'POST', body: JSON.stringify(STEADY) };
    assert.equal((await cluster.leader().json('/schedules', init)).status, 201);
    await fired();
  };
  const marks = () => cluster.replicas.map(({ lines }) => lines.length);
  /** The first line of any replica that matches, after the marks. */
  const anySays = (matches: (line: Line) => boolean, from: number[] = marks()): Promise<Line> =>
    Promise.any(cluster.replicas.map((replica, i) => replica.said(matches, from[i])));
  const fired = (from?: number[]) => anySays((line) => line.msg === 'running schedule', from);
  const names = (replica: ReplicaProcess) => replica.executed().map((attempt) => attempt.split(',')[0]!);

  /** From the first run to the last, each occurrence was executed once. */
  const assertAllFiredOnce = () => {
    const ids = cluster.replicas.flatMap(names).sort();
    assert.deepEqual(ids.filter((id, i) => id === ids[i - 1]), [], 'doubled');
    const times = ids.map((id) => Date.parse(id.split('@')[1]!));
    const gaps = times.filter((time, i) => i > 0 && time - times[i - 1]! !== EVERY_MS);
    assert.deepEqual(gaps, [], 'lost');
  };

  const assertIndexed = async () => {
    for (const [name, count] of Object.entries(INDEX_COUNTS)) {
      assert.equal((await db.collection(name).indexes()).length, count, name);
    }
  };

  for (const how of ['dropped', 'emptied'] as const) {
    it(`continues under a higher term when the leases are ${how}, with nothing lost or doubled`, async () => {
      await create();
      const { term } = (await cluster.leader().json<{ term: number }>('/leader')).body;
      const from = marks();
      if (how === 'dropped') await db.collection('leases').drop();
      else await db.collection('leases').deleteMany({});
      const warning = await anySays((line) => line.msg === MADE_AGAIN, from);
      assert.equal(warning.level, 'warn');
      assert.ok((warning.made as string[]).includes('the lease document'), String(warning.made));
      const began = await anySays((line) => line.msg === 'term began', from);
      assert.ok(Number(began.term) > term, `${began.term} after ${term}`);
      await fired(marks());
      assertAllFiredOnce();
      // The history of terms is written a moment later.
      const ended = await eventually(async () => {
        const { body } = await cluster.leader().json<{ term: number; ended_by: string }[]>('/leadership');
        const old = body.filter((one) => one.term < Number(began.term));
        return old.length > 0 && old.every(({ ended_by }) => ended_by !== null) ? old : null;
      });
      assert.deepEqual(ended.map(({ term, ended_by }) => [term, ended_by]), [[term, 'expired']]);
    });
  }

  it('creates everything again when the whole database is dropped', async () => {
    await create();
    const from = marks();
    await db.dropDatabase();
    await anySays((line) => line.msg === MADE_AGAIN, from);
    await anySays((line) => line.msg === 'term began', from);
    await anySays((line) => line.msg === 'schedules loaded', from);
    await create();
    await assertIndexed();
  });

  it('creates the indexes of dropped collections again, and logs which', async () => {
    await create();
    const from = marks();
    const names = Object.keys(INDEX_COUNTS);
    for (const name of names) await db.collection(name).drop();
    const warning = await anySays((line) => line.msg === MADE_AGAIN, from);
    for (const name of names) assert.match(String(warning.made), new RegExp(`indexes of ${name}`));
    await assertIndexed();
    await fired();
  });
});
