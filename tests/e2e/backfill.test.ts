/** A backfill of 5,000 occurrences by real processes, the leader of which is killed in the middle. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';

const mongo = await testMongo();
const TOTAL = 5000;

interface BackfillBody {
  id: string;
  state: string;
  progress: { total: number; created: number; already_run: number; open: number; ended: number };
}

describe('a backfill by real processes', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  let cluster: ProcessCluster;

  before(async () => {
    cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
  });

  after(async () => {
    await cluster?.stop();
    await client.close();
    await mongo.stop();
  });

  const post = <T>(replica: ReplicaProcess, path: string, body: object) =>
    replica.json<T>(path, { method: 'POST', body: JSON.stringify(body) });

  it('runs each occurrence once, though its leader is killed', { timeout: 150_000 }, async () => {
    const leader = cluster.leader();
    const other = cluster.replicas.find((replica) => replica !== leader) as ReplicaProcess;
    const definition = { cron_expression: '* * * * *' };
    await post(other, '/schedules', { id: 'minutely', type: 'cron', definition, paused: true });
    const from = Date.UTC(2026, 0, 1);
    const range = { from: new Date(from).toISOString(), to: new Date(from + TOTAL * 60_000).toISOString() };
    const created = await post<BackfillBody>(other, '/schedules/minutely/backfills', {
      ...{ ...range, max_concurrent: 50 },
    });
    assert.deepEqual([created.status, created.body.progress.total], [201, TOTAL]);
    const path = `/backfills/${created.body.id}`;
    const until = async (isReached: (body: BackfillBody) => boolean) => {
      for (;; await delay(50)) {
        const { status, body } = await other.json<BackfillBody>(path);
        if (status === 200 && isReached(body)) return body;
      }
    };
    await until(({ progress: { ended } }) => ended >= TOTAL / 5);
    leader.process.kill('SIGKILL');
    const ended = await until(({ state }) => state !== 'running');
    assert.equal(ended.state, 'completed');
    assert.deepEqual(ended.progress, { total: TOTAL, created: TOTAL, already_run: 0, open: 0, ended: TOTAL });
    const runs = client.db(database).collection('runs');
    assert.equal(await runs.countDocuments({}), TOTAL);
    assert.equal(await runs.countDocuments({ state: 'succeeded', backfill_id: created.body.id }), TOTAL);
    const attempts = cluster.replicas.flatMap((replica) => replica.executed());
    assert.equal(new Set(attempts).size, attempts.length, 'no attempt was executed twice');
  });
});
