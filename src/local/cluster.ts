/**
 * Several replica processes, a front door and, unless the store is given, a mongod: the Kubernetes
 * deployment, on one machine. Start order: store, replicas, front door. A stop runs in reverse, so that
 * each part stops before its dependencies.
 */
import { join } from 'node:path';
import type { Clock, Random } from '../actors/shared/environment.ts';
import { HostNames } from '../domain/membership/hostNames.ts';
import { awaitLeftovers, lockClusterDir } from './clusterDir.ts';
import { type ClusterFile, ClusterFileWriter } from './clusterFile.ts';
import type { Release } from './dataDir.ts';
import { type FrontDoor, openFrontDoor } from './door/frontDoor.ts';
import type { UpstreamAddress } from './door/upstreams.ts';
import { type RunningMongod, startMongod } from './mongod/mongod.ts';
import type { Output } from './output.ts';
import { assertPortsFree, LOOPBACK } from './ports.ts';
import { runtimeCommand } from './runtime.ts';
import { Supervised } from './supervisor.ts';

const STOP_GRACE_MS = 10_000;

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
  /** Set when the caller has already locked the directory; released when everything has stopped. */
  release?: Release;
  /** The TypeScript file that runs a replica. */
  replicaScript: string;
  env: NodeJS.ProcessEnv;
  out: Output;
  clock: Clock;
  random: Random;
  /** All replicas are ready, for the first time. */
  onReady: () => void;
  /** The cluster can't continue; `why` is a sentence. */
  onBroken: (why: string) => void;
}

/**
 * Resolves when all processes run, which is before they are ready. Rejects with a sentence when a
 * part can't start.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { port, dataDir, out, clock, random } = options;
  const release = options.release ?? await lockClusterDir(dataDir, clock, random);
  try {
    await awaitLeftovers(dataDir, clock, out.say);
    await assertPortsFree(options.host, port, options.replicaCount);
    return await Cluster.start(options, release);
  } catch (error) {
    await release();
    throw error;
  }
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #release: Release;
  readonly #upstreams: readonly UpstreamAddress[];
  readonly #file: ClusterFileWriter;
  /** Shared by the front door and its replicas. */
  readonly #secret: string;
  readonly #replicas: Supervised[] = [];
  #mongod: RunningMongod | null = null;
  #door: FrontDoor | null = null;
  #wasReady = false;
  #stopping: Promise<void> | null = null;

  private constructor(options: ClusterOptions, release: Release) {
    const { port, replicaCount, dataDir, random } = options;
    this.#options = options;
    this.#release = release;
    this.#secret = `${random.uuid()}${random.uuid()}`;
    this.#upstreams = Array.from(
      { length: replicaCount },
      (_, i) => ({ id: `replica-${i + 1}`, port: port + 1 + i }),
    );
    this.#file = new ClusterFileWriter(dataDir, () => this.#state());
  }

  /** Takes over the lock: it is released when everything has stopped. */
  static async start(options: ClusterOptions, release: Release): Promise<Cluster> {
    const cluster = new Cluster(options, release);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Resolves when every process has ended. Calling it again returns the same promise. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  /** Ends everything by SIGKILL, also during a `stop`, which then resolves. */
  killNow(): void {
    for (const replica of this.#replicas) replica.killNow();
    this.#mongod?.killNow();
  }

  async #start(): Promise<void> {
    const { store, host, port, hostNames, clock } = this.#options;
    const mongoUri = 'uri' in store ? store.uri : await this.#startMongod(store.mongodBinary, 0);
    for (const upstream of this.#upstreams) this.#replicas.push(await this.#startReplica(upstream, mongoUri));
    this.#door = await openFrontDoor({
      ...{ host, port, clock, upstreams: this.#upstreams, secret: this.#secret },
      names: new HostNames({ names: hostNames, own: [host] }),
      onChange: (ready) => this.#changedReady(ready),
    });
    this.#file.write();
  }

  /** A mongod that ends is restarted on the same port and data, so that its failure can be tried out. */
  async #startMongod(binary: string, port: number): Promise<string> {
    const { dataDir, out, clock, onBroken } = this.#options;
    const started = await startMongod({
      ...{ binary, port, clock, log: out.say },
      dataDir: join(dataDir, 'mongo'),
    });
    this.#mongod = started;
    this.#file.write();
    void started.ended.then(async (how) => {
      if (this.#stopping) return;
      const why = await started.whyEnded();
      if (this.#stopping) return;
      out.say(`mongod ended (${how}): restarting it.${why === null ? '' : ` ${why}`}`, 'warn');
      await this.#startMongod(binary, started.port);
    }).catch((error: Error) => onBroken(error.message));
    return started.uri;
  }

  #startReplica({ id, port }: UpstreamAddress, mongoUri: string): Promise<Supervised> {
    const { replicaScript, env, out, clock, onBroken } = this.#options;
    return Supervised.start({
      ...{ id, clock, command: runtimeCommand(replicaScript) },
      env: {
        ...env,
        HOSTNAME: id,
        HOST: LOOPBACK,
        PORT: String(port),
        // Each replica has its own address; one set for `npm start` would be shared by all.
        ADDRESS: '',
        MONGO_URI: mongoUri,
        FRONT_DOOR_SECRET: this.#secret,
        // A newcomer's receiver is on this machine.
        HTTP_ACTION_ALLOW: env.HTTP_ACTION_ALLOW ?? 'loopback',
      },
      onLine: (line) => out.replicaLine(id, line),
      say: (message) => out.say(message, 'warn'),
      onChange: () => this.#file.write(),
      onGivenUp: (how, cause) =>
        onBroken(`${id} does not start (${how}): ${cause ?? 'see its lines above for the cause.'}`),
    });
  }

  #changedReady(ready: readonly string[]): void {
    for (const replica of this.#replicas) if (ready.includes(replica.id)) replica.becameReady();
    if (this.#wasReady || ready.length < this.#upstreams.length) return;
    this.#wasReady = true;
    this.#options.onReady();
  }

  async #stop(): Promise<void> {
    const { out } = this.#options;
    await Promise.all(this.#replicas.map((replica) => replica.stop(STOP_GRACE_MS)));
    await this.#door?.close();
    await this.#mongod?.stop();
    await this.#file.remove().catch((error: Error) =>
      out.say(`cluster.json could not be removed: ${error.message}`, 'warn')
    );
    await this.#release().catch((error: Error) =>
      out.say(`The lock could not be removed: ${error.message}`, 'warn')
    );
  }

  #state(): ClusterFile {
    return {
      ...{ pid: process.pid, port: this.#options.port },
      replicas: this.#upstreams.map(({ id, port }) => ({
        ...{ id, port },
        pid: this.#replicas.find((one) => one.id === id)?.pid ?? null,
      })),
      mongod: this.#mongod && { pid: this.#mongod.pid, uri: this.#mongod.uri },
    };
  }
}
