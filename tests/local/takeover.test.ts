import { afterEach, beforeEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { awaitFollower, disturb, findTarget } from '../../src/local/takeover.ts';
import { clock, TestCluster } from './testCluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.create();
});
afterEach(() => cluster.remove());

describe('disturbing the leader', () => {
  it('measures a takeover after kill -9, and restarts the killed replica', async () => {
    await cluster.start();
    await cluster.prints(/all ready/);
    await cluster.prints(/"leading"/);
    const target = await findTarget(cluster.dataDir, clock);
    const takeover = await disturb(target, 'SIGKILL', clock);
    assert.deepEqual(takeover.before, target.leadership);
    assert.equal(takeover.after.term, target.leadership.term + 1);
    assert.notEqual(takeover.after.replica, target.leadership.replica);
    // The fake lease expires between 280 and 300 ms after the last renewal.
    assert.ok(takeover.tookMs > 200, `${takeover.tookMs} ms`);
    await cluster.prints(new RegExp(`${target.leadership.replica} ended \\(SIGKILL\\): restarting it`));
  });

  it('measures a takeover from a frozen leader, which becomes a follower after SIGCONT', async () => {
    await cluster.start();
    await cluster.prints(/all ready/);
    await cluster.prints(/"leading"/);
    const target = await findTarget(cluster.dataDir, clock);
    const takeover = await disturb(target, 'SIGSTOP', clock);
    assert.notEqual(takeover.after.replica, target.leadership.replica);
    await target.signal('SIGCONT');
    assert.ok(await awaitFollower(target, clock) >= 0);
  });

  it('requires a running cluster', async () => {
    await assert.rejects(
      findTarget(cluster.dataDir, clock),
      /No local cluster runs here: start one with `npm start`/,
    );
    const stale = { pid: 2 ** 22 + 1, port: 8080, replicas: [], mongod: null };
    await writeFile(join(cluster.dataDir, 'cluster.json'), JSON.stringify(stale));
    await assert.rejects(findTarget(cluster.dataDir, clock), /No local cluster runs here/);
  });

  it('requires a second replica', async () => {
    await cluster.start({}, { replicaCount: 1 });
    await cluster.prints(/all ready/);
    await assert.rejects(
      findTarget(cluster.dataDir, clock),
      /a single replica, since it has no MongoDB: no other could take over/,
    );
  });
});
