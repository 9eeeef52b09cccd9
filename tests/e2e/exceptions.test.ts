/** An uncaught exception: the replica logs one line, releases the lease, and exits. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { eventually } from '../store/support.ts';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { ProcessCluster } from '../../harness/cluster/replicas.ts';

const mongo = await testMongo();
after(() => mongo.stop());

const EVERY = { type: 'duration', definition: { interval: '50ms' } };

describe('a leader with an uncaught exception', { skip: mongo.skip, timeout: 120_000 }, () => {
  for (const where of ['action', 'timer', 'promise', 'claim']) {
    it(`in a ${where} exits with one line, and its successor need not wait for the lease to expire`, async () => {
      const cluster = new ProcessCluster({ MONGO_URI: mongo.uri, MONGO_DATABASE: mongo.database() });
      const broken = await cluster.add('broken', {}, 'tests/support/explosive.ts');
      await broken.said((line) => line.msg === 'leading');
      const sound = await cluster.add('sound');
      await sound.said((line) => line.msg === 'now follower');
      const post = (id: string) =>
        sound.json('/schedules', { method: 'POST', body: JSON.stringify({ ...EVERY, id }) });
      await post('steady');
      await broken.said((line) => line.msg === 'running schedule');
      await post(`bomb-${where}`);

      assert.equal(await broken.process.ended, 'exit code 1');
      const bad = broken.lines.filter(({ level }) => ['error', 'stderr'].includes(level));
      assert.equal(bad.length, 1, JSON.stringify(bad));
      assert.equal(bad[0]!.error, 'it went\noff');
      assert.match(String(bad[0]!.stack), /^TypeError: it went\noff\n +at .*explode/);
      await sound.said((line) => line.msg === 'running schedule');
      const ended = await eventually(async () => {
        const { body } = await sound.json<{ term: number; ended_by: string | null }[]>('/leadership');
        return body.find(({ term, ended_by }) => term === 1 && ended_by !== null) ?? null;
      });
      assert.equal(ended.ended_by, 'released');
      await cluster.stop();
    });
  }
});
