import { afterEach, beforeEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findTarget } from '../../src/local/takeover.ts';
import { clock, TestCluster } from './testCluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.create();
});
afterEach(() => cluster.remove());

describe('a cluster.json', () => {
  const ODD = [
    '{}',
    'null',
    '[]',
    '"x"',
    '{"pid":',
    '',
    JSON.stringify({ pid: 1, port: 8080, replicas: {}, mongod: null }),
    // Signals to these pids would go to many processes.
    JSON.stringify({ pid: -1, port: 8080, replicas: [], mongod: null }),
    JSON.stringify({
      pid: process.pid,
      port: 8080,
      replicas: [-1, 0, 1].map((pid, i) => ({ id: `replica-${i + 1}`, port: 8081 + i, pid })),
      mongod: null,
    }),
  ];

  for (const odd of ODD) {
    it(`that no cluster wrote is ignored: ${odd.slice(0, 60)}`, async () => {
      await writeFile(join(cluster.dataDir, 'cluster.json'), odd);
      await assert.rejects(
        findTarget(cluster.dataDir, clock),
        /No local cluster runs here: start one with `npm start`/,
      );
    });
  }

  it('that no cluster wrote does not keep one from starting and stopping', async () => {
    await writeFile(join(cluster.dataDir, 'cluster.json'), '{}');
    await cluster.start();
    await cluster.prints(/all ready/);
    assert.equal((await cluster.file()).pid, process.pid);
  });

  it('that can’t be written or removed causes a warning only', async () => {
    await mkdir(join(cluster.dataDir, 'cluster.json', 'inner'), { recursive: true });
    await cluster.start();
    await cluster.prints(/all ready/);
    await cluster.stop();
    await cluster.prints(/cluster\.json could not be removed/);
  });
});
