/**
 * The directory of a cluster; one `npm start` at a time uses it. Its lock is a symbolic link, since
 * creating one is atomic and fails if it exists: `lock-7` points to `PID START`, the holder's
 * process. A process that finds the holder gone makes `lock-8`, and no lock that might be held is
 * ever removed; so of several concurrent starts exactly one gets the lock, also after a kill -9. The
 * start time distinguishes a process from a later one with the same pid.
 */
import { mkdir, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { signalled } from './guarded.ts';

const LOCK = /^lock-(\d{1,9})$/;
/** Two processes that detect each other at the same moment both retry, after a random time up to this. */
const RETRY_WITHIN_MS = 50;

/** Releases the directory. */
export type Release = () => Promise<void>;

/** `holder` is the pid of the lock's holder. */
export class DataDirTaken extends Error {
  readonly holder: number;

  constructor(dataDir: string, holder: number) {
    super(`Process ${holder} works on ${dataDir}.`);
    this.holder = holder;
  }
}

/**
 * Makes the directory if needed, and takes its lock for this process. Rejects with `DataDirTaken`, or
 * with a sentence when the directory can't be made or written to.
 */
export async function takeDataDir(dataDir: string): Promise<Release> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await take(dataDir);
  } catch (error) {
    throw error instanceof DataDirTaken
      ? error
      : new Error(sentenceOn(error as NodeJS.ErrnoException, dataDir));
  }
}

async function take(dataDir: string): Promise<Release> {
  const mine = await selfAsHolder();
  for (;;) {
    const before = await locksIn(dataDir);
    refuseIfHeld(dataDir, before);
    const number = Math.max(0, ...before.map((lock) => lock.number)) + 1;
    const path = join(dataDir, `lock-${number}`);
    if (!await made(path, mine)) continue;
    // A process with an older listing may have taken another number meanwhile. The one that sees the
    // other steps back.
    const others = (await locksIn(dataDir)).filter((lock) => lock.number !== number);
    if (others.some(({ holder }) => holder !== null)) {
      await rm(path, { force: true });
      await delay(Math.random() * RETRY_WITHIN_MS);
      continue;
    }
    for (const { number } of others) await removeStale(join(dataDir, `lock-${number}`));
    return releaseOf(path);
  }
}

/** Once: afterwards the path may be the lock of another process. */
function releaseOf(path: string): Release {
  let released: Promise<void> | undefined;
  return () => released ??= rm(path, { force: true });
}

/** A lock that can't be removed, such as another user's, does no harm. */
async function removeStale(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => {});
}

function refuseIfHeld(dataDir: string, locks: readonly Lock[]): void {
  for (const { holder } of locks) if (holder !== null) throw new DataDirTaken(dataDir, holder);
}

/** False when that lock exists. */
async function made(path: string, holder: string): Promise<boolean> {
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
  /** Pid of the holder; null when that process is gone, or when the link is no lock. */
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
  return signalled(pid, 0);
}

const WHY: Record<string, string> = {
  EROFS: 'it is on a file system that is mounted read-only',
  EACCES: 'a right is missing',
  EPERM: 'a right is missing',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of disk space is used up',
  ENOTDIR: 'a part of that path is a file',
  EEXIST: 'there is a file of that name',
  ENAMETOOLONG: 'that path is too long',
  EIO: 'the disk reports an error',
};

/** Why the directory can't hold the data. */
export function sentenceOn({ code = '', message }: NodeJS.ErrnoException, dataDir: string): string {
  return `The cluster can't keep its data in ${dataDir}: ${WHY[code] ?? message} (${code || 'unknown'}). ` +
    'See to that, or start it in another directory.';
}
