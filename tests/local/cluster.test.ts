import { afterEach, beforeEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/local/cluster.ts';
import type { ClusterFile } from '../../src/local/clusterFile.ts';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { systemRandom } from '../../src/infra/machine/random.ts';
import { isAlive, lockDataDir } from '../../src/local/dataDir.ts';
import { awaitFollower, disturb, findTarget } from '../../src/local/takeover.ts';
import { freePorts, listen } from './freePorts.ts';

const clock = systemClock();
const random = systemRandom();
const replicaScript = fileURLToPath(new URL('./fakeReplica.ts', import.meta.url));

let dataDir: string;
let cluster: Cluster | null;
let printed: string[];
/** Called after each printed line. */
let wake: () => void;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'cluster-test-'));
  cluster = null;
  printed = [];
  wake = () => {};
});
afterEach(async () => {
  await cluster?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function print(line: string): void {
  printed.push(line);
  wake();
}

/** Resolves when some printed line matches. */
async function prints(pattern: RegExp): Promise<void> {
  while (!printed.some((line) => pattern.test(line))) await new Promise<void>((resolve) => wake = resolve);
}

const clusterFile = async (): Promise<ClusterFile> =>
  JSON.parse(await readFile(join(dataDir, 'cluster.json'), 'utf8'));

/** Starts a cluster of fake replicas; returns its port. */
async function start(env: NodeJS.ProcessEnv = {}, changed: Partial<ClusterOptions> = {}): Promise<number> {
  const port = changed.port ?? await freePorts(4);
  const store = join(dataDir, 'store');
  await mkdir(store, { recursive: true });
  cluster = await startCluster({
    ...{
      port,
      host: '127.0.0.1',
      hostNames: [],
      replicaCount: 3,
      store: { uri: store },
      dataDir,
      replicaScript,
    },
    ...{ clock, random },
    env: { ...process.env, ...env },
    out: { say: print, hint: print, replicaLine: (replica, line) => print(`${replica}| ${line}`) },
    onReady: () => print('all ready'),
    onBroken: (why) => print(`broken: ${why}`),
    ...changed,
  });
  return port;
}

describe('the local cluster', () => {
  it('runs three replicas behind one port with the environment, and stops them all', async () => {
    const port = await start({ TEST_WORD: 'hello', ADDRESS: 'http://shared.example' });
    await prints(/all ready/);
    const answer = await (await fetch(`http://127.0.0.1:${port}/cluster`)).json() as {
      env: string;
      address: string;
    };
    assert.deepEqual(answer, { ...answer, env: 'hello', address: '' }, 'an address is for one replica only');
    const { replicas, pid } = await clusterFile();
    assert.deepEqual(replicas.map(({ id, port }) => [id, port]), [
      ['replica-1', port + 1],
      ['replica-2', port + 2],
      ['replica-3', port + 3],
    ]);
    assert.equal(pid, process.pid);
    await cluster!.stop();
    for (const id of [1, 2, 3]) await prints(new RegExp(`^replica-${id}\\| .*"bye"`));
    assert.deepEqual(replicas.filter((replica) => isAlive(replica.pid!)), []);
    await assert.rejects(clusterFile(), /ENOENT/);
  });

  it('measures a takeover after kill -9, and restarts the killed replica', async () => {
    await start();
    await prints(/all ready/);
    await prints(/"leading"/);
    const target = await findTarget(dataDir, clock);
    const takeover = await disturb(target, 'SIGKILL', clock);
    assert.deepEqual(takeover.before, target.leadership);
    assert.equal(takeover.after.term, target.leadership.term + 1);
    assert.notEqual(takeover.after.replica, target.leadership.replica);
    // The fake lease expires between 280 and 300 ms after the last renewal.
    assert.ok(takeover.tookMs > 200, `${takeover.tookMs} ms`);
    await prints(new RegExp(`${target.leadership.replica} ended \\(SIGKILL\\): restarting it`));
  });

  it('measures a takeover from a frozen leader, which becomes a follower after SIGCONT', async () => {
    await start();
    await prints(/all ready/);
    await prints(/"leading"/);
    const target = await findTarget(dataDir, clock);
    const takeover = await disturb(target, 'SIGSTOP', clock);
    assert.notEqual(takeover.after.replica, target.leadership.replica);
    await target.signal('SIGCONT');
    assert.ok(await awaitFollower(target, clock) >= 0);
  });

  it('stops a frozen replica', async () => {
    await start();
    await prints(/all ready/);
    const { pid } = (await clusterFile()).replicas[1]!;
    process.kill(pid!, 'SIGSTOP');
    await cluster!.stop();
    await prints(/^replica-2\| .*"bye"/);
  });

  it('kills all processes at once during a stop when asked to', async () => {
    await start({ TEST_WORD: 'stubborn' });
    await prints(/all ready/);
    const { replicas } = await clusterFile();
    const stopped = cluster!.stop();
    for (const id of [1, 2, 3]) await prints(new RegExp(`^replica-${id}\\| no`));
    cluster!.killNow();
    await stopped;
    assert.deepEqual(replicas.filter((replica) => isAlive(replica.pid!)), []);
  });

  it('gives up, with a sentence, on a replica that exits three times before it is ready', async () => {
    await start({ TEST_WORD: 'broken' });
    await prints(/broken: replica-\d does not start \(exit code 1\): exiting: a setting is broken$/);
    assert.ok(printed.some((line) => line.includes('| TEST_WORD is broken; it must be something else.')));
  });
});

describe('the local cluster refuses to start', () => {
  it('when a port is taken, and names it and the remedy', async () => {
    const port = await freePorts(4);
    const holder = await listen(port + 2);
    try {
      await assert.rejects(
        start({}, { port }),
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
    const release = await lockDataDir(dataDir, clock, random);
    await assert.rejects(
      start(),
      new RegExp(`A cluster is already running here \\(process ${process.pid}\\)`),
    );
    await writeFile(
      join(dataDir, 'cluster.json'),
      JSON.stringify({ pid: process.pid, port: 8080, replicas: [], mongod: null }),
    );
    await assert.rejects(
      start(),
      /A cluster is already running here \(process \d+, http:\/\/localhost:8080\)/,
    );
    await release();
  });

  it('and releases its directory', async () => {
    const port = await freePorts(4);
    const holder = await listen(port + 2);
    await assert.rejects(start({}, { port }), /is taken/);
    holder.close();
    assert.deepEqual((await readdir(dataDir)).filter((name) => name.startsWith('lock')), []);
    await start({}, { port });
    await prints(/all ready/);
  });
});

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
      await writeFile(join(dataDir, 'cluster.json'), odd);
      await assert.rejects(
        findTarget(dataDir, clock),
        /No local cluster runs here: start one with `npm start`/,
      );
    });
  }

  it('that no cluster wrote does not keep one from starting and stopping', async () => {
    await writeFile(join(dataDir, 'cluster.json'), '{}');
    await start();
    await prints(/all ready/);
    assert.equal((await clusterFile()).pid, process.pid);
  });

  it('that can’t be written or removed causes a warning only', async () => {
    await mkdir(join(dataDir, 'cluster.json', 'inner'), { recursive: true });
    await start();
    await prints(/all ready/);
    await cluster!.stop();
    await prints(/cluster\.json could not be removed/);
  });
});

describe('disturbing the leader', () => {
  it('requires a running cluster', async () => {
    await assert.rejects(
      findTarget(dataDir, clock),
      /No local cluster runs here: start one with `npm start`/,
    );
    const stale = { pid: 2 ** 22 + 1, port: 8080, replicas: [], mongod: null };
    await writeFile(join(dataDir, 'cluster.json'), JSON.stringify(stale));
    await assert.rejects(findTarget(dataDir, clock), /No local cluster runs here/);
  });

  it('requires a second replica', async () => {
    await start({}, { replicaCount: 1 });
    await prints(/all ready/);
    await assert.rejects(
      findTarget(dataDir, clock),
      /a single replica, since it has no MongoDB: no other could take over/,
    );
  });
});
