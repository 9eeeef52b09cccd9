import { afterEach, beforeEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/local/cluster.ts';
import type { ClusterFile } from '../../src/local/clusterFile.ts';
import { isAlive, takeDataDir } from '../../src/local/dataDir.ts';
import { awaitFollower, disturb, findTarget } from '../../src/local/takeover.ts';
import { freePorts, listen } from './freePorts.ts';

const replicaScript = fileURLToPath(new URL('./fakeReplica.ts', import.meta.url));

let dataDir: string;
let cluster: Cluster | null;
/** What was printed, and who waits for more of it. */
let printed: string[];
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
async function seen(pattern: RegExp): Promise<void> {
  while (!printed.some((line) => pattern.test(line))) await new Promise<void>((resolve) => wake = resolve);
}

const clusterFile = async (): Promise<ClusterFile> =>
  JSON.parse(await readFile(join(dataDir, 'cluster.json'), 'utf8'));

/** A cluster of fake replicas, when they are all ready. */
async function started(env: NodeJS.ProcessEnv = {}, changed: Partial<ClusterOptions> = {}): Promise<number> {
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
    env: { ...process.env, ...env },
    out: { say: print, hint: print, replicaLine: (replica, line) => print(`${replica}| ${line}`) },
    onReady: () => print('all ready'),
    onBroken: (why) => print(`broken: ${why}`),
    ...changed,
  });
  return port;
}

describe('the local cluster', () => {
  it('runs three replicas behind one port, hands them the environment, and leaves nothing behind', async () => {
    const port = await started({ TEST_WORD: 'hello', ADDRESS: 'http://shared.example' });
    await seen(/all ready/);
    const answer = await (await fetch(`http://127.0.0.1:${port}/cluster`)).json() as {
      env: string;
      address: string;
    };
    assert.deepEqual(answer, { ...answer, env: 'hello', address: '' }, 'an address is for one replica alone');
    const { replicas, pid } = await clusterFile();
    assert.deepEqual(replicas.map(({ id, port }) => [id, port]), [
      ['replica-1', port + 1],
      ['replica-2', port + 2],
      ['replica-3', port + 3],
    ]);
    assert.equal(pid, process.pid);
    await cluster!.stop();
    for (const id of [1, 2, 3]) await seen(new RegExp(`^replica-${id}\\| .*"bye"`));
    assert.deepEqual(replicas.filter((replica) => isAlive(replica.pid!)), []);
    await assert.rejects(clusterFile(), /ENOENT/);
  });

  it('measures a takeover after kill -9, and starts the dead replica again', async () => {
    await started();
    await seen(/all ready/);
    await seen(/"leading"/);
    const target = await findTarget(dataDir);
    const takeover = await disturb(target, 'SIGKILL');
    assert.deepEqual(takeover.before, target.leadership);
    assert.equal(takeover.after.term, target.leadership.term + 1);
    assert.notEqual(takeover.after.replica, target.leadership.replica);
    // The fake lease runs out between 280 and 300 ms after the last beat.
    assert.ok(takeover.tookMs > 200, `${takeover.tookMs} ms`);
    await seen(new RegExp(`${target.leadership.replica} ended \\(SIGKILL\\): it is started again`));
  });

  it('measures a takeover from a frozen leader, which is a follower once it is awake', async () => {
    await started();
    await seen(/all ready/);
    await seen(/"leading"/);
    const target = await findTarget(dataDir);
    const takeover = await disturb(target, 'SIGSTOP');
    assert.notEqual(takeover.after.replica, target.leadership.replica);
    await target.signal('SIGCONT');
    assert.ok(await awaitFollower(target) >= 0);
  });

  it('stops a frozen replica as well', async () => {
    await started();
    await seen(/all ready/);
    const { pid } = (await clusterFile()).replicas[1]!;
    process.kill(pid!, 'SIGSTOP');
    await cluster!.stop();
    await seen(/^replica-2\| .*"bye"/);
  });

  it('ends at once when it is told so while it stops', async () => {
    await started({ TEST_WORD: 'stubborn' });
    await seen(/all ready/);
    const { replicas } = await clusterFile();
    const stopped = cluster!.stop();
    for (const id of [1, 2, 3]) await seen(new RegExp(`^replica-${id}\\| no`));
    cluster!.killNow();
    await stopped;
    assert.deepEqual(replicas.filter((replica) => isAlive(replica.pid!)), []);
  });

  it('gives up with a sentence on a replica that ends by itself three times before it is ready', async () => {
    await started({ TEST_WORD: 'broken' });
    await seen(/broken: replica-\d does not start \(exit code 1\): it ends: a word is broken$/);
    assert.ok(printed.some((line) => line.includes('| TEST_WORD is broken; it must be something else.')));
  });
});

describe('the local cluster refuses to start', () => {
  it('when a port is taken, and says which and how to choose others', async () => {
    const port = await freePorts(4);
    const holder = await listen(port + 2);
    try {
      await assert.rejects(
        started({}, { port }),
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
    const release = await takeDataDir(dataDir);
    await assert.rejects(started(), new RegExp(`A cluster runs here already \\(process ${process.pid}\\)`));
    await writeFile(
      join(dataDir, 'cluster.json'),
      JSON.stringify({ pid: process.pid, port: 8080, replicas: [], mongod: null }),
    );
    await assert.rejects(started(), /A cluster runs here already \(process \d+, http:\/\/localhost:8080\)/);
    await release();
  });

  it('and leaves its directory to the next one', async () => {
    const port = await freePorts(4);
    const holder = await listen(port + 2);
    await assert.rejects(started({}, { port }), /is taken/);
    holder.close();
    assert.deepEqual((await readdir(dataDir)).filter((name) => name.startsWith('lock')), []);
    await started({}, { port });
    await seen(/all ready/);
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
    // Signals to these would go to many.
    JSON.stringify({ pid: -1, port: 8080, replicas: [], mongod: null }),
    JSON.stringify({
      pid: process.pid,
      port: 8080,
      replicas: [-1, 0, 1].map((pid, i) => ({ id: `replica-${i + 1}`, port: 8081 + i, pid })),
      mongod: null,
    }),
  ];

  for (const odd of ODD) {
    it(`that no cluster wrote is as good as none: ${odd.slice(0, 60)}`, async () => {
      await writeFile(join(dataDir, 'cluster.json'), odd);
      await assert.rejects(findTarget(dataDir), /No local cluster runs here: start one with `npm start`/);
    });
  }

  it('that no cluster wrote keeps none from starting, and from stopping', async () => {
    await writeFile(join(dataDir, 'cluster.json'), '{}');
    await started();
    await seen(/all ready/);
    assert.equal((await clusterFile()).pid, process.pid);
  });

  it('that can’t be written or removed costs a line, and no more', async () => {
    await mkdir(join(dataDir, 'cluster.json', 'inner'), { recursive: true });
    await started();
    await seen(/all ready/);
    await cluster!.stop();
    await seen(/cluster\.json is left behind/);
  });
});

describe('disturbing the leader', () => {
  it('needs a cluster that runs', async () => {
    await assert.rejects(findTarget(dataDir), /No local cluster runs here: start one with `npm start`/);
    const long_gone = { pid: 2 ** 22 + 1, port: 8080, replicas: [], mongod: null };
    await writeFile(join(dataDir, 'cluster.json'), JSON.stringify(long_gone));
    await assert.rejects(findTarget(dataDir), /No local cluster runs here/);
  });

  it('needs somebody who could take over', async () => {
    await started({}, { replicaCount: 1 });
    await seen(/all ready/);
    await assert.rejects(
      findTarget(dataDir),
      /a single replica \(it has no MongoDB\): nobody could take over/,
    );
  });
});
