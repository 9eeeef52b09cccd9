/**
 * `npm start`: the whole product on one machine.
 *
 * PORT (8080), HOST (127.0.0.1), MONGO_URI (none: a mongod of its own, data in .data/mongo); all
 * other variables go to the replicas.
 */
import { join } from 'node:path';
import { DATA_DIR } from './clusterFile.ts';
import { type Cluster, type ClusterOptions, startCluster, takeDirectory } from './cluster.ts';
import { parseHostNames } from '../infra/config.ts';
import { findMongod } from './mongod.ts';
import { standardOutput } from './output.ts';
import { PROJECT_DIR, RUNTIME } from './runtime.ts';

const REPLICAS = 3;
/** How long the exit waits for a terminal that shows nothing at the moment. */
const LAST_LINES_MS = 1_000;
const out = standardOutput();

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
  out.say('Stopping … (once more: at once)');
  void cluster.stop().then(() => {
    out.say('Everything is stopped.');
    end(exitCode);
  });
}

/** Exits once the last lines are flushed, or after a limit. */
function end(code: number): void {
  void out.flush(LAST_LINES_MS).then(() => process.exit(code));
}

function fail(why: string): void {
  out.say(why, 'error');
  exitCode = 1;
  if (!cluster) return end(1);
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

/** The store, and the number of replicas that can share it. */
async function chooseStore(): Promise<Pick<ClusterOptions, 'store' | 'replicaCount'>> {
  const uri = process.env.MONGO_URI;
  if (uri) {
    if (!uri.startsWith('memory:')) return { store: { uri }, replicaCount: REPLICAS };
    out.say(
      'MONGO_URI is memory: — one replica, since processes can’t share memory, and everything is forgotten when it ends.',
    );
    return { store: { uri }, replicaCount: 1 };
  }
  const found = await findMongod({ log: out.say });
  if (found.binary !== null) {
    out.say(`mongod: ${found.binary} (${found.how})`);
    return { store: { mongodBinary: found.binary }, replicaCount: REPLICAS };
  }
  out.say(
    `No mongod can be had:\n${found.tried.map((sentence) => `  - ${sentence}`).join('\n')}\n` +
      'So this is ONE replica that keeps everything in memory: the API works, there is no takeover to see, and everything is forgotten when ' +
      'it ends. For the real thing, install MongoDB 5.0 or newer, or set MONGOD_BINARY or MONGO_URI.',
    'warn',
  );
  return { store: { uri: 'memory:' }, replicaCount: 1 };
}

function greet(port: number, replicaCount: number): void {
  const url = `http://localhost:${port}`;
  const just = port === 8080 ? 'npx just' : `URL=${url} npx just`;
  const takeover = [
    `       ${just} kill-leader        kill -9 the leader: how long do the others take?`,
    `       ${just} pause-leader 6     freeze it for 6 s: what does it do when it wakes?`,
  ];
  out.say(
    `hascheduler runs: ${
      replicaCount === 1 ? 'one replica' : `${replicaCount} replicas`
    } on ${RUNTIME}, behind ${url}/`,
  );
  out.hint([
    '',
    `open   ${url}/`,
    'try    (in another terminal; `npx just` lists all)',
    `       ${just} create-schedule    fires every 300 ms, on the leader and only there`,
    ...(replicaCount > 1 ? takeover : []),
    `or     curl -X POST -H 'content-type: application/json' -d @payloads/create_schedule.json ${url}/schedules`,
    `       curl ${url}/schedules`,
    'stop   Ctrl-C',
    '',
  ].join('\n'));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
try {
  const port = portFrom(process.env.PORT || '8080');
  const hostNames = hostNamesFrom(process.env.HOST_NAMES ?? '');
  // Before the search for a mongod, which may take a download.
  const release = await takeDirectory(DATA_DIR);
  const { store, replicaCount } = await chooseStore().catch(async (error) => {
    await release();
    throw error;
  });
  cluster = await startCluster({
    ...{ port, host: process.env.HOST || '127.0.0.1', hostNames, store, replicaCount, out },
    dataDir: DATA_DIR,
    release,
    replicaScript: join(PROJECT_DIR, 'src', 'main.ts'),
    env: process.env,
    onReady: () => greet(port, replicaCount),
    onBroken: fail,
  });
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}
