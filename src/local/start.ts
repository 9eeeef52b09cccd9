/**
 * `npm start`: the whole product on one machine. The entry point: it creates the clock, the random source
 * and the output that all other files of this directory are given.
 *
 * PORT (8080), HOST (127.0.0.1), MONGO_URI (none: starts a mongod, with its data in .data/mongo); all
 * other variables go to the replicas.
 */
import { join } from 'node:path';
import { parseHostNames } from '../infra/configValues.ts';
import { systemClock } from '../infra/machine/clock.ts';
import { systemRandom } from '../infra/machine/random.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { lockClusterDir } from './clusterDir.ts';
import { DATA_DIR } from './clusterFile.ts';
import { greeting } from './greeting.ts';
import { standardOutput } from './output.ts';
import { PROJECT_DIR, RUNTIME } from './runtime.ts';
import { chooseStore, REPLICAS } from './storeChoice.ts';

/** How long the exit waits for a terminal that has stopped its output. */
const FLUSH_LIMIT_MS = 1_000;
const clock = systemClock();
const random = systemRandom();
const out = standardOutput(clock);

let cluster: Cluster | null = null;
let exitCode = 0;
let interrupted = false;

/**
 * The first signal stops everything gracefully; a second one kills at once. Before the cluster runs,
 * the guards stop the children.
 */
function stop(): void {
  if (!cluster) process.exit(130);
  if (interrupted) return cluster.killNow();
  interrupted = true;
  out.say('Stopping … (press Ctrl-C again to kill everything at once)');
  void cluster.stop().then(() => {
    out.say('Everything is stopped.');
    exit(exitCode);
  });
}

/** Exits once the last lines are flushed, or after a limit. */
function exit(code: number): void {
  void out.flush(FLUSH_LIMIT_MS).then(() => process.exit(code));
}

function fail(why: string): void {
  out.say(why, 'error');
  exitCode = 1;
  if (!cluster) return exit(1);
  if (!interrupted) stop();
}

/** The port in PORT; the ports for the replicas after it must be valid too. */
function portFrom(value: string): number {
  const port = Number(value);
  if (/^\d+$/.test(value) && port >= 1 && port + REPLICAS <= 65_535) return port;
  throw new Error(`PORT is ${JSON.stringify(value)}; it must be a number from 1 to ${65_535 - REPLICAS}.`);
}

/** The names in HOST_NAMES. */
function hostNamesFrom(value: string): string[] {
  try {
    return parseHostNames(value);
  } catch (error) {
    throw new Error(`HOST_NAMES is ${JSON.stringify(value)}: ${(error as Error).message}.`);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
try {
  const port = portFrom(process.env.PORT || '8080');
  const hostNames = hostNamesFrom(process.env.HOST_NAMES ?? '');
  // Before the search for a mongod, which may take a download.
  const release = await lockClusterDir(DATA_DIR, clock, random);
  const choice = await chooseStore(process.env, clock, out).catch(async (error) => {
    await release();
    throw error;
  });
  cluster = await startCluster({
    ...{ port, host: process.env.HOST || '127.0.0.1', hostNames, ...choice },
    ...{ dataDir: DATA_DIR, release, out, clock, random, env: process.env },
    replicaScript: join(PROJECT_DIR, 'src', 'main.ts'),
    onReady() {
      const { summary, hints } = greeting(port, choice.replicaCount, RUNTIME);
      out.say(summary);
      out.hint(hints);
    },
    onBroken: fail,
  });
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
