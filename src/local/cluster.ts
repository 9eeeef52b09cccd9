/**
 * Several replica processes, a front door and, unless the store is given, a mongod: the Kubernetes
 * deployment, on one machine. Start order: store, replicas, door. A stop runs in reverse, so that
 * each part stops before its dependencies.
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HostNames } from '../domain/membership/hostNames.ts';
import { type ClusterFile, readClusterFile, removeClusterFile, writeClusterFile } from './clusterFile.ts';
import { DataDirTaken, isAlive, type Release, takeDataDir } from './dataDir.ts';
import { type FrontDoor, openFrontDoor } from './frontDoor.ts';
import { type RunningMongod, startMongod } from './mongod.ts';
import type { Output } from './output.ts';
import { runtimeCommand } from './runtime.ts';
import { supervise, type Supervised } from './supervisor.ts';

const HOST = '127.0.0.1';
const STOP_GRACE_MS = 10_000;
/** How long to wait for the children of a killed cluster to end. */
const REMAINS_LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 50;

export interface ClusterOptions {
  /** The front door's port; the replicas take the ports after it. */
  port: number;
  /** The front door's listen address; the replicas always listen on loopback. */
  host: string;
  /** Host names that the front door answers to, beside loopback ones. */
  hostNames: readonly string[];
  replicaCount: number;
  store: { uri: string } | { mongodBinary: string };
  dataDir: string;
  /** Set when the caller has already taken the directory; released when everything has stopped. */
  release?: Release;
  /** The TypeScript file that runs a replica. */
  replicaScript: string;
  env: NodeJS.ProcessEnv;
  out: Output;
  /** All replicas are ready, for the first time. */
  onReady: () => void;
  /** The cluster can't continue; `why` is a sentence. */
  onBroken: (why: string) => void;
}

export interface Cluster {
  /** Resolves when every process has ended. Calling it again returns the same promise. */
  stop(): Promise<void>;
  /** Ends everything by SIGKILL, also during a `stop`, which then resolves. */
  killNow(): void;
}

/**
 * Resolves when all processes run, which is before they are ready. Rejects with a sentence when a
 * part can't start.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { port, dataDir, out } = options;
  const release = options.release ?? await takeDirectory(dataDir);
  try {
    await awaitRemains(dataDir, out);
    await assertPortsFree(options.host, port, options.replicaCount);
    return await run(options, release);
  } catch (error) {
    await release();
    throw error;
  }
}

/** Releases the directory when everything has stopped. */
async function run(options: ClusterOptions, release: Release): Promise<Cluster> {
  const { port, dataDir, out } = options;
  const ids = Array.from({ length: options.replicaCount }, (_, i) => `replica-${i + 1}`);
  const upstreams = ids.map((id, i) => ({ id, port: port + 1 + i }));

  let stopping: Promise<void> | null = null;
  let wasReady = false;
  let mongod: RunningMongod | null = null;
  let door: FrontDoor | null = null;
  const replicas: Supervised[] = [];
  const secret = randomBytes(32).toString('hex');
  const file = createFileWriter(dataDir, () => ({
    ...{ pid: process.pid, port },
    replicas: upstreams.map(({ id, port }) => ({
      id,
      port,
      pid: replicas.find((one) => one.id === id)?.pid() ?? null,
    })),
    mongod: mongod && { pid: mongod.pid, uri: mongod.uri },
  }));

  function onLive(live: readonly string[]): void {
    for (const replica of replicas) if (live.includes(replica.id)) replica.becameReady();
    if (wasReady || live.length < ids.length) return;
    wasReady = true;
    options.onReady();
  }

  /** Restarts the mongod too, on the same port and data: a store failure is part of the demonstration. */
  async function runMongod(binary: string, mongodPort: number): Promise<string> {
    const started = await startMongod({
      binary,
      dataDir: join(dataDir, 'mongo'),
      port: mongodPort,
      log: out.say,
    });
    mongod = started;
    file.write();
    void started.ended.then(async (how) => {
      if (stopping) return;
      const why = await started.whyEnded();
      if (stopping) return;
      out.say(`mongod ended (${how})${why === null ? '' : `. ${why}`}: it is started again`, 'warn');
      await runMongod(binary, started.port);
    }).catch((error: Error) => options.onBroken(error.message));
    return started.uri;
  }

  async function stop(): Promise<void> {
    await Promise.all(replicas.map((replica) => replica.stop(STOP_GRACE_MS)));
    await door?.close();
    await mongod?.stop();
    await file.remove().catch((error: Error) =>
      out.say(`cluster.json is left behind: ${error.message}`, 'warn')
    );
    await release().catch((error: Error) => out.say(`The lock is left behind: ${error.message}`, 'warn'));
  }

  const cluster: Cluster = {
    stop: () => stopping ??= stop(),
    killNow() {
      for (const replica of replicas) replica.killNow();
      mongod?.killNow();
    },
  };
  try {
    const mongoUri = 'uri' in options.store
      ? options.store.uri
      : await runMongod(options.store.mongodBinary, 0);
    for (const upstream of upstreams) {
      replicas.push(
        await supervise({
          id: upstream.id,
          command: runtimeCommand(options.replicaScript),
          env: {
            ...options.env,
            HOSTNAME: upstream.id,
            HOST,
            PORT: String(upstream.port),
            // Each replica has its own address; one set for `npm start` would be shared by all.
            ADDRESS: '',
            MONGO_URI: mongoUri,
            FRONT_DOOR_SECRET: secret,
          },
          onLine: (line) => out.replicaLine(upstream.id, line),
          say: (message) => out.say(message, 'warn'),
          onChange: file.write,
          onHopeless: (how, cause) =>
            options.onBroken(
              `${upstream.id} does not start (${how}): ${cause ?? 'its own lines above say why.'}`,
            ),
        }),
      );
    }
    door = await openFrontDoor({
      host: options.host,
      port,
      upstreams,
      names: new HostNames({ names: options.hostNames, own: [options.host] }),
      secret,
      onChange: onLive,
    });
    file.write();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Gives a cluster exclusive use of its directory. Rejects with a sentence. */
export async function takeDirectory(dataDir: string): Promise<Release> {
  try {
    return await takeDataDir(dataDir);
  } catch (error) {
    if (!(error instanceof DataDirTaken)) throw error;
    const file = await readClusterFile(dataDir);
    const where = file?.pid === error.holder ? `, http://localhost:${file.port}` : '';
    throw new Error(
      `A cluster runs here already (process ${error.holder}${where}): use it, or stop it first.`,
    );
  }
}

/** The processes of a killed cluster may take a moment to end. */
async function awaitRemains(dataDir: string, out: Output): Promise<void> {
  const last = await readClusterFile(dataDir);
  if (!last) return;
  const pids = [...last.replicas.map((replica) => replica.pid), last.mongod?.pid ?? null].filter((pid) =>
    pid !== null
  );
  const deadline = performance.now() + REMAINS_LIMIT_MS;
  if (pids.some(isAlive)) out.say('Waiting for the processes of the last cluster to end …');
  while (pids.some(isAlive) && performance.now() < deadline) await delay(LOOK_EVERY_MS);
}

/** Checked before any start: a replica without its port would only end and be restarted. */
async function assertPortsFree(host: string, port: number, replicaCount: number): Promise<void> {
  for (let i = 0; i <= replicaCount; i++) {
    const problem = await listenProblem(i === 0 ? host : HOST, port + i);
    if (problem === null) continue;
    const range = replicaCount === 1 ? `${port + 1}` : `${port + 1} to ${port + replicaCount}`;
    throw new Error(
      `Port ${port + i} ${problem}. The front door needs port ${port} and the replicas need ${range}: ` +
        `choose others with PORT, such as PORT=${port + 1000}.`,
    );
  }
}

function listenProblem(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once(
      'error',
      (error: NodeJS.ErrnoException) =>
        resolve(
          error.code === 'EADDRINUSE'
            ? 'is taken'
            : `of ${host} can't be used (${error.code ?? error.message})`,
        ),
    );
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

/** Serialises writes of the present state; a failed write affects only the commands that read the file. */
function createFileWriter(dataDir: string, state: () => ClusterFile) {
  let last: Promise<void> = Promise.resolve();
  return {
    write(): void {
      last = last.then(() => writeClusterFile(dataDir, state())).catch(() => {});
    },
    remove(): Promise<void> {
      return last.then(() => removeClusterFile(dataDir));
    },
  };
}
