import { mkdir, readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../actors/shared/environment.ts';
import { wait } from '../../actors/shared/wait.ts';
import { dataDirProblem } from '../dataDir.ts';
import { type Guarded, spawnGuarded } from '../guarded.ts';
import { adviceOn, relevantLines } from './advice.ts';
import { becomePrimary, type Poll } from './replicaSet.ts';

/** Interval for reading the log and the server's role during the start. */
const POLL_EVERY_MS = 20;
/** After an unclean end the next start replays the journal. */
const START_LIMIT_MS = 60_000;
const STOP_GRACE_MS = 10_000;

export interface StartOptions {
  binary: string;
  /** Created if needed; holds the data and `mongod.log`, which each start replaces. */
  dataDir: string;
  /** 0, the default, takes a free port. */
  port?: number;
  replicaSet?: string;
  clock: Clock;
  log: (line: string) => void;
  extraArgs?: readonly string[];
}

export interface RunningMongod {
  uri: string;
  port: number;
  pid: number;
  /** Resolves when the process has ended for any reason, with how: `exit code 0`, `SIGKILL`. */
  ended: Promise<string>;
  /** SIGTERM, and SIGKILL after 10 s. */
  stop(): Promise<void>;
  /** SIGKILL: the journal keeps acknowledged writes. */
  killNow(): void;
  /**
   * To be called after the end and before a restart, which replaces the log: a sentence with cause and
   * remedy; null when the cause is unknown.
   */
  whyEnded(): Promise<string | null>;
}

/**
 * Starts a mongod on 127.0.0.1 as the only member of a replica set, which change streams and
 * transactions need; resolves when it accepts writes. Keeps the data of an earlier start, also after
 * a change of port. It ends with this process. If it ends during the start, rejects with the last
 * lines of its log.
 */
export async function startMongod(options: StartOptions): Promise<RunningMongod> {
  const { clock, dataDir, replicaSet = 'rs0' } = options;
  await mkdir(dataDir, { recursive: true }).catch((error) => {
    throw new Error(dataDirProblem(error, dataDir));
  });
  const logFile = join(dataDir, 'mongod.log');
  const mongod = await spawnGuarded(commandLine(options, replicaSet), { clock, logFile });
  try {
    const poll = pollDuringStart(mongod, clock, logFile);
    const port = await poll(() => listeningPort(logFile));
    const uri = `mongodb://127.0.0.1:${port}/?directConnection=true`;
    await becomePrimary(uri, `127.0.0.1:${port}`, replicaSet, poll);
    options.log(`mongod ${mongod.pid} is ready on port ${port}; its data and its log are in ${dataDir}`);
    return running(mongod, { uri, port }, options, logFile);
  } catch (error) {
    // A slow mongod ends cleanly on SIGTERM; if it ended in another way, that is the cause of the failure.
    await mongod.stop(STOP_GRACE_MS);
    const how = await mongod.ended;
    throw new Error(
      how === 'exit code 0'
        ? await slowStartReport(options, how, error as Error)
        : await endReport(options, how, logFile),
    );
  }
}

function commandLine(
  { binary, dataDir, port = 0, extraArgs = [] }: StartOptions,
  replicaSet: string,
): string[] {
  return [
    ...[binary, '--dbpath', dataDir, '--port', String(port), '--bind_ip', '127.0.0.1', '--nounixsocket'],
    ...['--replSet', replicaSet, '--wiredTigerCacheSizeGB', '0.25', '--quiet', ...extraArgs],
  ];
}

function running(
  mongod: Guarded,
  address: { uri: string; port: number },
  options: StartOptions,
  logFile: string,
): RunningMongod {
  const { pid, ended } = mongod;
  return {
    ...{ ...address, pid, ended },
    stop: () => mongod.stop(STOP_GRACE_MS),
    killNow: () => void mongod.kill('SIGKILL'),
    async whyEnded() {
      return await adviceFor(options, await ended, await textOf(logFile));
    },
  };
}

function pollDuringStart({ ended }: Guarded, clock: Clock, logFile: string): Poll {
  let hasEnded = false;
  void ended.then(() => hasEnded = true);
  const deadlineMs = clock.monotonic() + START_LIMIT_MS;
  return async (read) => {
    for (;;) {
      const value = await read();
      if (value !== null) return value;
      if (hasEnded || clock.monotonic() > deadlineMs) {
        throw new Error(`it took more than ${START_LIMIT_MS / 1000} s, see ${logFile}`);
      }
      await wait(clock, POLL_EVERY_MS);
    }
  };
}

/** The port in the log line "Waiting for connections" (id 23016), null before that line. */
async function listeningPort(logFile: string): Promise<number | null> {
  const port = /"id":23016,.*"port":(\d+)/.exec(await textOf(logFile))?.[1];
  return port ? Number(port) : null;
}

async function slowStartReport(options: StartOptions, how: string, { message }: Error): Promise<string> {
  const advice = await adviceFor(options, how, message);
  return `mongod (${options.binary}) did not become ready: ${message}${advice ? `. ${advice}` : ''}`;
}

async function endReport(options: StartOptions, how: string, logFile: string): Promise<string> {
  const log = await textOf(logFile);
  const relevant = relevantLines(log);
  const shown = (relevant.length > 0 ? relevant : log.trimEnd().split('\n')).slice(-5).join('\n  ');
  const advice = await adviceFor(options, how, log) ??
    `The cause is unknown; the data in ${options.dataDir} are kept.`;
  return `mongod (${options.binary}) ended during its start: ${how}. ${advice}\n` +
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

/** Empty when there is no such file. */
function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
