/**
 * The lock on a cluster's data directory, which one `npm start` at a time may use. A lock is a symbolic
 * link, since creating one is atomic and fails if it exists: `lock-7` points to `PID START`, the holder's
 * process. A process that finds the holder dead creates `lock-8`. A lock that may be held is never
 * removed, so exactly one of several concurrent starts gets it, also after a kill -9. The start time
 * distinguishes a process from a later one with the same pid.
 */
import { mkdir, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random } from '../actors/shared/environment.ts';
import { wait } from '../actors/shared/wait.ts';
import { sendSignal } from './guarded.ts';

const LOCK = /^lock-(\d{1,9})$/;
/** Two processes that detect each other both retry, after a random delay of at most this. */
const MAX_RETRY_DELAY_MS = 50;

/** Releases the directory. */
export type Release = () => Promise<void>;

/** `holder` is the pid of the lock's holder. */
export class DataDirLocked extends Error {
  readonly holder: number;

  constructor(dataDir: string, holder: number) {
    super(`Process ${holder} uses ${dataDir}.`);
    this.holder = holder;
  }
}

/**
 * Creates the directory if needed, and locks it for this process. Rejects with `DataDirLocked`, or with
 * a sentence when the directory can't be created or written to.
 */
export async function lockDataDir(dataDir: string, clock: Clock, random: Random): Promise<Release> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await lock(dataDir, clock, random);
  } catch (error) {
    throw error instanceof DataDirLocked
      ? error
      : new Error(dataDirProblem(error as NodeJS.ErrnoException, dataDir));
  }
}

async function lock(dataDir: string, clock: Clock, random: Random): Promise<Release> {
  const self = await selfAsHolder();
  for (;;) {
    const before = await locksIn(dataDir);
    assertNotHeld(dataDir, before);
    const number = Math.max(0, ...before.map((lock) => lock.number)) + 1;
    const path = join(dataDir, `lock-${number}`);
    if (!await createLock(path, self)) continue;
    // A process with an older listing may have created another number meanwhile. Whichever sees the
    // other's lock gives up its own.
    const others = (await locksIn(dataDir)).filter((lock) => lock.number !== number);
    if (others.some(({ holder }) => holder !== null)) {
      await rm(path, { force: true });
      await wait(clock, random.next() * MAX_RETRY_DELAY_MS);
      continue;
    }
    for (const { number } of others) await removeStale(join(dataDir, `lock-${number}`));
    return releaseOf(path);
  }
}

/** Removes the lock once: afterwards the path may be the lock of another process. */
function releaseOf(path: string): Release {
  let released: Promise<void> | undefined;
  return () => released ??= rm(path, { force: true });
}

/** A lock that can't be removed, such as another user's, does no harm. */
async function removeStale(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => {});
}

function assertNotHeld(dataDir: string, locks: readonly Lock[]): void {
  for (const { holder } of locks) if (holder !== null) throw new DataDirLocked(dataDir, holder);
}

/** False when the lock exists. */
async function createLock(path: string, holder: string): Promise<boolean> {
  try {
    await symlink(holder, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

interface Lock {
  number: number;
  /** Pid of the holder; null when that process has ended, or the file is not a lock. */
  holder: number | null;
}

async function locksIn(dataDir: string): Promise<Lock[]> {
  const numbers = (await readdir(dataDir)).flatMap((name) => LOCK.exec(name)?.[1] ?? []).map(Number);
  return await Promise.all(numbers.map(async (number) => {
    const target = await readlink(join(dataDir, `lock-${number}`)).catch(() => '');
    return { number, holder: await livingHolder(target) };
  }));
}

async function livingHolder(target: string): Promise<number | null> {
  const [, pid, start] = /^(\d+) (\S+)$/.exec(target) ?? [];
  if (pid === undefined || !isAlive(Number(pid))) return null;
  const present = await startOf(Number(pid));
  return present === start || present === UNKNOWN || start === UNKNOWN ? Number(pid) : null;
}

const selfAsHolder = async () => `${process.pid} ${await startOf(process.pid)}`;

/** For systems without /proc. */
const UNKNOWN = '-';

/** Start time of the process, in ticks since boot; `ended` for a zombie. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may contain any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19] ?? UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}

/** True also for a process of another user. */
export function isAlive(pid: number): boolean {
  return sendSignal(pid, 0);
}

const REASONS: Record<string, string> = {
  EROFS: 'it is on a file system that is mounted read-only',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'a parent directory is a file',
  EEXIST: 'a file of that name exists',
  ENAMETOOLONG: 'the path is too long',
  EIO: 'the disk reports an error',
};

/** Why the data can't be stored in the directory, as a sentence. */
export function dataDirProblem({ code = '', message }: NodeJS.ErrnoException, dataDir: string): string {
  return `The cluster can't keep its data in ${dataDir}: ${REASONS[code] ?? message} (${
    code || 'unknown'
  }). ` +
    'Fix that, or start in another directory.';
}
