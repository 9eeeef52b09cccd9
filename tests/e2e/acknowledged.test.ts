/**
 * G4 on real processes: an acknowledged change is in force on the leader, however far behind its change stream is.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoClient } from 'mongodb';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { ProcessCluster, type ReplicaProcess } from '../../harness/cluster/replicas.ts';

const mongo = await testMongo();
const ROUNDS = 200;

describe('an acknowledged deletion', { skip: mongo.skip }, () => {
  const database = mongo.database();
  const client = new MongoClient(mongo.uri || 'mongodb://127.0.0.1');
  const runs = client.db(database).collection<{ _id: string; schedule_id: string }>('runs');
  let cluster: ProcessCluster;

  before(async () => {
    cluster = await ProcessCluster.ofThree({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
  });

  after(async () => {
    await cluster?.stop();
    await client.close();
    await mongo.stop();
  });

  it(`is followed by no claim: ${ROUNDS} times, through a follower, of a 20 ms schedule`, async () => {
    const leader = cluster.leader();
    const other = cluster.replicas.find((replica) => replica !== leader) as ReplicaProcess;
    const counts = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      const id = `short-${round}`;
      const fired = leader.said((line) => line.msg === 'running schedule' && line.schedule_id === id);
      const body = JSON.stringify({ id, type: 'duration', definition: { interval: '20ms' } });
      assert.equal((await other.json('/schedules', { method: 'POST', body })).status, 201);
      await fired;
      assert.equal((await other.json(`/schedules/${id}`, { method: 'DELETE' })).status, 200);
      counts.set(id, await runs.countDocuments({ schedule_id: id }));
    }
    // Once the leader has fired a newer schedule, all earlier claims are committed or given up.
    const probe = JSON.stringify({ id: 'probe', type: 'duration', definition: { interval: '20ms' } });
    const fired = leader.said((line) => line.schedule_id === 'probe');
    await other.json('/schedules', { method: 'POST', body: probe });
    await fired;
    assert.equal(cluster.leader(), leader);
    for (const [id, count] of counts) {
      assert.ok(count > 0);
      assert.equal(await runs.countDocuments({ schedule_id: id }), count, id);
    }
  });
});
