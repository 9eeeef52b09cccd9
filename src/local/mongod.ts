import { mkdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient, MongoServerError } from 'mongodb';
import { sentenceOn } from './dataDir.ts';
import { spawnGuarded } from './guarded.ts';
import { adviceOn, tellingLines } from './mongodAdvice.ts';

export { findMongod } from './findMongod.ts';

/** Poll interval for the log and the server's role during the start. */
const LOOK_EVERY_MS = 20;
/** After an unclean end the next start replays the journal. */
const START_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 10_000;

export interface StartOptions {
  binary: string;
  /** Made if needed; holds the data and `mongod.log`, which each start replaces. */
  dataDir: string;
  /** 0, the default, takes a free port. */
  port?: number;
  replicaSet?: string;
  log: (line: string) => void;
  extraArgs?: readonly string[];
}

export interface RunningMongod {
  uri: string;
  port: number;
  pid: number;
  /** Resolves when the process has ended, wanted or not, with the reason: `exit code 0`, `SIGKILL`. */
  ended: Promise<string>;
  /** SIGTERM, and SIGKILL after 10 s. */
  stop(): Promise<void>;
  /** SIGKILL: the journal keeps acknowledged writes. */
  killNow(): void;
  /**
   * Call it after the end and before a restart: a sentence with cause and remedy; null when the cause
   * is unknown.
   */
  whyEnded(): Promise<string | null>;
}

/**
 * Starts a mongod on 127.0.0.1 as the only member of a replica set, which change streams and
 * transactions need; resolves when it accepts writes. Keeps the data of an earlier start, also after
 * a change of port. It ends with this process. Rejects with the last lines of its log when it dies
 * instead.
 */
export async function startMongod(options: StartOptions): Promise<RunningMongod> {
  const { binary, dataDir, replicaSet = 'rs0', extraArgs = [] } = options;
  await mkdir(dataDir, { recursive: true }).catch((error) => {
    throw new Error(sentenceOn(error, dataDir));
  });
  const logFile = join(dataDir, 'mongod.log');
  const mongod = await spawnGuarded([
    ...[
      binary,
      '--dbpath',
      dataDir,
      '--port',
      String(options.port ?? 0),
      '--bind_ip',
      '127.0.0.1',
      '--nounixsocket',
    ],
    ...['--replSet', replicaSet, '--wiredTigerCacheSizeGB', '0.25', '--quiet', ...extraArgs],
  ], { logFile });
  let over = false;
  mongod.ended.then(() => over = true);
  const deadline = performance.now() + START_LIMIT_MS;

  /** Polls `look` until it returns a value, mongod has ended, or time is up. */
  async function until<T>(look: () => Promise<T | null>): Promise<T> {
    for (;;) {
      const seen = await look();
      if (seen !== null) return seen;
      if (over || performance.now() > deadline) {
        throw new Error(`it took more than ${START_LIMIT_MS / 1000} s, see ${logFile}`);
      }
      await delay(LOOK_EVERY_MS);
    }
  }

  try {
    const port = await until(() => listeningPort(logFile));
    const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
    await becomePrimary(uri, `127.0.0.1:${port}`, replicaSet, until);
    options.log(`mongod ${mongod.pid} is ready on port ${port}, its data and its log are in ${dataDir}`);
    const { pid, ended } = mongod;
    return {
      uri,
      port,
      pid,
      ended,
      stop: () => mongod.stop(STOP_GRACE_MS),
      killNow: () => void mongod.kill('SIGKILL'),
      async whyEnded() {
        return await adviceFor(options, await ended, await readFile(logFile, 'utf8').catch(() => ''));
      },
    };
  } catch (error) {
    // A slow mongod ends cleanly on SIGTERM; one that died by itself is the cause of the failure.
    await mongod.stop(STOP_GRACE_MS);
    const how = await mongod.ended;
    if (how !== 'exit code 0') throw new Error(await deathReport(options, how, logFile));
    const { message } = error as Error;
    const advice = await adviceFor(options, how, message);
    throw new Error(`mongod (${binary}) did not become ready: ${message}${advice ? `. ${advice}` : ''}`);
  }
}

/** The port in the log line "Waiting for connections" (id 23016), null before that line. */
async function listeningPort(logFile: string): Promise<number | null> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  const port = /"id":23016,.*"port":(\d+)/.exec(text)?.[1];
  return port ? Number(port) : null;
}

/** Makes the server a replica set of one under its present address, and waits until it is the primary. */
async function becomePrimary(
  uri: string,
  host: string,
  replicaSet: string,
  until: <T>(look: () => Promise<T | null>) => Promise<T>,
): Promise<void> {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 });
  try {
    const admin = client.db('admin');
    const config = await until(() => storedConfig(client));
    if (config === 'none') {
      await admin.command({ replSetInitiate: { _id: replicaSet, members: [{ _id: 0, host }] } });
    } else if (config.members.length !== 1 || config.members[0]?.host !== host) {
      // It ran on another port the last time. The set has no other member, so force is safe.
      const reconfigured = {
        ...config,
        version: config.version + 1,
        members: [{ ...config.members[0], _id: 0, host }],
      };
      await admin.command({ replSetReconfig: reconfigured, force: true });
    }
    await until(async () => (await admin.command({ hello: 1 })).isWritablePrimary ? true : null);
  } finally {
    await client.close();
  }
}

interface ReplicaSetConfig {
  version: number;
  members: { host: string }[];
}

/** The replica set's configuration, 'none' before the first one, null while mongod is still reading it. */
async function storedConfig(client: MongoClient): Promise<ReplicaSetConfig | 'none' | null> {
  try {
    return (await client.db('admin').command({ replSetGetConfig: 1 })).config;
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    if (error.codeName === 'NotYetInitialized') return 'none';
    return null;
  }
}

async function deathReport(options: StartOptions, how: string, logFile: string): Promise<string> {
  const log = await readFile(logFile, 'utf8').catch(() => '');
  const telling = tellingLines(log);
  const shown = (telling.length > 0 ? telling : log.trimEnd().split('\n')).slice(-5).join('\n  ');
  const advice = await adviceFor(options, how, log) ??
    `Why is not known; its data in ${options.dataDir} are kept.`;
  return `mongod (${options.binary}) ended while it started: ${how}. ${advice}\n` +
    `The end of its log (${logFile}):\n  ${shown}`;
}

/** `log` is the text to diagnose from. */
async function adviceFor(
  { binary, dataDir, port }: StartOptions,
  how: string,
  log: string,
): Promise<string | null> {
  const space = await statfs(dataDir).catch(() => null);
  const freeBytes = space && space.bavail * space.bsize;
  return adviceOn({ log, how, binary, dataDir, port, freeBytes });
}
