/** A standalone MongoDB, and a corrupt lease document: replicas report the problem, and write nothing. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Document, MongoClient } from 'mongodb';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { spawnGuarded } from '../../src/local/guarded.ts';
import { eventually } from '../store/support.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { mongodForSets } from '../../harness/cluster/mongoSet.ts';
import { freePort, ProcessCluster, ReplicaProcess } from '../../harness/cluster/replicas.ts';

const EVERY = { type: 'duration', definition: { interval: '50ms' } };
const cannotRead = (line: { msg: string }) => line.msg === 'the schedules could not be read; retrying';
type Problem = { detail: string; reasons?: string[] };

const { binary, skip } = await mongodForSets();
const mongo = await testMongo();
after(() => mongo.stop());

const WRITES: [method: string, path: string, body: string][] = [
  ['POST', '/schedules', JSON.stringify(EVERY)],
  ['PUT', '/schedules/x', JSON.stringify(EVERY)],
  ['DELETE', '/schedules/x', ''],
  ['POST', '/schedules/x/trigger', ''],
  ['POST', '/schedules/x/pause', ''],
  ['POST', '/schedules/x/resume', ''],
  ['POST', '/leader/step-down', ''],
];

/** Every write gets a 503 with the reason, and so does `/readyz`. */
async function assertRefusesWrites(replica: ReplicaProcess, why: RegExp): Promise<void> {
  for (const [method, path, body] of WRITES) {
    const init = { method, ...(body && { body }) };
    const { status, body: problem } = await replica.json<Problem>(path, init);
    assert.equal(status, 503, `${method} ${path}: ${problem.detail}`);
    assert.match(problem.detail, why);
  }
  const { status, body } = await replica.json<Problem>('/readyz');
  assert.equal(status, 503);
  assert.match(String(body.reasons), why);
  assert.equal((await replica.json('/livez')).status, 200);
}

describe('a replica before its store is prepared', { timeout: 120_000 }, () => {
  it('refuses writes on a standalone server, and names the remedy', { skip }, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'hascheduler-standalone-'));
    const port = await freePort();
    const args = ['--dbpath', dir, '--port', `${port}`, '--bind_ip', '127.0.0.1', '--nounixsocket'];
    const mongod = await spawnGuarded([binary, ...args], {
      ...{ clock: systemClock(), logFile: join(dir, 'log') },
    });
    const replica = await ReplicaProcess.start('alone', {
      MONGO_URI: `mongodb://127.0.0.1:${port}/?connect=direct`,
    });
    await replica.said((line) => cannotRead(line) && /standalone/.test(String(line.error)));
    await assertRefusesWrites(replica, /standalone server.*--replSet/);
    assert.equal((await replica.json('/schedules')).status, 200, 'reads still work');
    const preview = { method: 'POST', body: JSON.stringify(EVERY) };
    assert.equal((await replica.json('/schedules/preview', preview)).status, 200);
    const client = await MongoClient.connect(`mongodb://127.0.0.1:${port}/?directConnection=true`);
    assert.equal(await client.db('hascheduler').collection('schedules').countDocuments(), 0);
    await client.close();
    await replica.process.stop(5_000);
    await mongod.stop(5_000);
    await rm(dir, { recursive: true, force: true });
  });

  it('refuses writes while no server answers', async () => {
    const uri = `mongodb://127.0.0.1:${await freePort()}/?connect=direct`;
    const replica = await ReplicaProcess.start('lonely', { MONGO_URI: uri });
    await replica.said(cannotRead);
    await assertRefusesWrites(replica, /ECONNREFUSED/);
    await replica.process.stop(5_000);
  });
});

describe('a lease document that is not understood', { skip: mongo.skip, timeout: 120_000 }, () => {
  const NOT_UNDERSTOOD = /does not understand the lease document: (term|released_at|expires_at) is/;
  const broken = {
    'a date is text': { $set: { expires_at: 'soon', released_at: 'never' } },
    'the term is missing': { $unset: { term: 1 } },
  };
  for (const [what, change] of Object.entries<Document>(broken)) {
    it(`lets no replica lead, shows in /readyz, and allows a new term once it is deleted: ${what}`, async () => {
      const database = mongo.database();
      const cluster = new ProcessCluster({ MONGO_URI: mongo.uri, MONGO_DATABASE: database });
      const client = await MongoClient.connect(mongo.uri);
      const leases = client.db(database).collection<Document & { _id: string }>('leases');
      const replicas = await Promise.all(['a', 'b'].map((id) => cluster.add(id)));
      await Promise.all(replicas.map((replica) => replica.said((line) => line.msg === 'now follower')));
      await Promise.any(replicas.map((replica) => replica.said((line) => line.msg === 'leading')));
      const marks = replicas.map(({ lines }) => lines.length);

      await leases.updateOne({ _id: 'leader' }, change);
      for (const replica of replicas) {
        // On a busy machine an answer of the store may be late first.
        await eventually(async () => {
          const { status, body } = await replica.json<Problem>('/readyz');
          return status === 503 && NOT_UNDERSTOOD.test(String(body.reasons)) || null;
        });
        assert.equal((await replica.json('/livez')).status, 200);
        const logged = await replica.said((line) => line.level === 'error');
        assert.match(String(logged.error), /does not understand the lease document/);
      }
      const stored = await leases.findOne({ _id: 'leader' });
      for (const [field, value] of Object.entries(change.$set ?? { term: undefined })) {
        assert.equal(stored?.[field], value);
      }

      await leases.deleteOne({ _id: 'leader' });
      await Promise.any(
        replicas.map((replica, i) => replica.said((line) => line.msg === 'term began', marks[i])),
      );
      for (const replica of replicas) {
        await eventually(async () => (await replica.json('/readyz')).status === 200 || null);
      }
      await cluster.stop();
      await client.close();
    });
  }
});
