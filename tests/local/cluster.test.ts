import { afterEach, beforeEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, lockDataDir } from '../../src/local/dataDir.ts';
import { freePorts, listen } from './freePorts.ts';
import { clock, random, TestCluster } from './testCluster.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.create();
});
afterEach(() => cluster.remove());

describe('the local cluster', () => {
  it('runs three replicas behind one port with the environment, and stops them all', async () => {
    const port = await cluster.start({ TEST_WORD: 'hello', ADDRESS: 'http://shared.example' });
    await cluster.prints(/all ready/);
    const answer = await (await fetch(`http://127.0.0.1:${port}/cluster`)).json() as {
      env: string;
      address: string;
    };
    assert.deepEqual(answer, { ...answer, env: 'hello', address: '' }, 'an address is for one replica only');
    const { replicas, pid } = await cluster.file();
    assert.deepEqual(replicas.map(({ id, port }) => [id, port]), [
      ['replica-1', port + 1],
      ['replica-2', port + 2],
      ['replica-3', port + 3],
    ]);
    assert.equal(pid, process.pid);
    await cluster.stop();
    for (const id of [1, 2, 3]) await cluster.prints(new RegExp(`^replica-${id}\\| .*"bye"`));
    assert.deepEqual(replicas.filter((replica) => isAlive(replica.pid!)), []);
    await assert.rejects(cluster.file(), /ENOENT/);
  });

  it('stops a frozen replica', async () => {
    await cluster.start();
    await cluster.prints(/all ready/);
    const { pid } = (await cluster.file()).replicas[1]!;
    process.kill(pid!, 'SIGSTOP');
    await cluster.stop();
    await cluster.prints(/^replica-2\| .*"bye"/);
  });

  it('kills all processes at once during a stop when asked to', async () => {
    await cluster.start({ TEST_WORD: 'stubborn' });
    await cluster.prints(/all ready/);
    const { replicas } = await cluster.file();
    const stopped = cluster.stop();
    for (const id of [1, 2, 3]) await cluster.prints(new RegExp(`^replica-${id}\\| no`));
    cluster.killNow();
    await stopped;
    assert.deepEqual(replicas.filter((replica) => isAlive(replica.pid!)), []);
  });

  it('gives up, with a sentence, on a replica that exits three times before it is ready', async () => {
    await cluster.start({ TEST_WORD: 'broken' });
    await cluster.prints(/broken: replica-\d does not start \(exit code 1\): exiting: a setting is broken$/);
    assert.ok(
      cluster.printed.some((line) => line.includes('| TEST_WORD is broken; it must be something else.')),
    );
  });
});

describe('the local cluster refuses to start', () => {
  it('when a port is taken, and names it and the remedy', async () => {
    const port = await freePorts(4);
    const holder = await listen(port + 2);
    try {
      await assert.rejects(
        cluster.start({}, { port }),
        new RegExp(
          `Port ${port + 2} is taken\\. .* needs port ${port} and .* need ${port + 1} to ${
            port + 3
          }: .* PORT=${port + 1000}`,
        ),
      );
    } finally {
      holder.close();
    }
  });

  it('when another one runs in the same directory', async () => {
    const release = await lockDataDir(cluster.dataDir, clock, random);
    await assert.rejects(
      cluster.start(),
      new RegExp(`A cluster is already running here \\(process ${process.pid}\\)`),
    );
    await writeFile(
      join(cluster.dataDir, 'cluster.json'),
      JSON.stringify({ pid: process.pid, port: 8080, replicas: [], mongod: null }),
    );
    await assert.rejects(
      cluster.start(),
      /A cluster is already running here \(process \d+, http:\/\/localhost:8080\)/,
    );
    await release();
  });

  it('and releases its directory', async () => {
    const port = await freePorts(4);
    const holder = await listen(port + 2);
    await assert.rejects(cluster.start({}, { port }), /is taken/);
    holder.close();
    assert.deepEqual((await readdir(cluster.dataDir)).filter((name) => name.startsWith('lock')), []);
    await cluster.start({}, { port });
    await cluster.prints(/all ready/);
  });
});
