/** A cluster of fake replicas in a temporary directory, for one test at a time. */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { systemRandom } from '../../src/infra/machine/random.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../../src/local/cluster.ts';
import type { ClusterFile } from '../../src/local/clusterFile.ts';
import { freePorts } from './freePorts.ts';

export const clock = systemClock();
export const random = systemRandom();
const replicaScript = fileURLToPath(new URL('./fakeReplica.ts', import.meta.url));

export class TestCluster {
  readonly dataDir: string;
  readonly printed: string[] = [];
  #cluster: Cluster | null = null;
  /** Called after each printed line. */
  #wake = () => {};

  private constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  /** Not started yet. */
  static async create(): Promise<TestCluster> {
    return new TestCluster(await mkdtemp(join(tmpdir(), 'cluster-test-')));
  }

  /** Resolves with the port when all processes run. */
  async start(env: NodeJS.ProcessEnv = {}, changed: Partial<ClusterOptions> = {}): Promise<number> {
    const port = changed.port ?? await freePorts(4);
    const store = join(this.dataDir, 'store');
    await mkdir(store, { recursive: true });
    const print = (line: string) => this.#print(line);
    this.#cluster = await startCluster({
      ...{ port, host: '127.0.0.1', hostNames: [], replicaCount: 3, store: { uri: store } },
      ...{ dataDir: this.dataDir, replicaScript, clock, random, env: { ...process.env, ...env } },
      out: { say: print, hint: print, replicaLine: (replica, line) => print(`${replica}| ${line}`) },
      onReady: () => print('all ready'),
      onBroken: (why) => print(`broken: ${why}`),
      ...changed,
    });
    return port;
  }

  /** Resolves when a printed line matches. */
  async prints(pattern: RegExp): Promise<void> {
    while (!this.printed.some((line) => pattern.test(line))) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  async file(): Promise<ClusterFile> {
    return JSON.parse(await readFile(join(this.dataDir, 'cluster.json'), 'utf8'));
  }

  stop(): Promise<void> {
    return this.#cluster?.stop() ?? Promise.resolve();
  }

  killNow(): void {
    this.#cluster?.killNow();
  }

  /** For `afterEach`. */
  async remove(): Promise<void> {
    await this.stop();
    await rm(this.dataDir, { recursive: true, force: true });
  }

  #print(line: string): void {
    this.printed.push(line);
    this.#wake();
  }
}
