/**
 * The directory of a cluster, which one `npm start` at a time works on. Its lock is a symbolic link, since that is
 * made whole or not at all, and only once: `lock-7` leads to `PID START`, the process that holds it. Whoever finds
 * that process gone makes `lock-8`, and no lock that might be held is ever removed; so of several that come at the
 * same moment exactly one gets it, also after a kill -9. The time at which the process began tells it from a later one
 * with the same number.
 */
import { mkdir, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { signalled } from './guarded.ts';

const LOCK = /^lock-(\d{1,9})$/;
/** Two that found each other in the same moment both try again, after a random time up to this. */
const RETRY_WITHIN_MS = 50;

/** Gives the directory back. */
export type Release = () => Promise<void>;

/** `holder` is the process that works there. */
export class DataDirTaken extends Error {
  readonly holder: number;

  constructor(dataDir: string, holder: number) {
    super(`Process ${holder} works on ${dataDir}.`);
    this.holder = holder;
  }
}

/**
 * Makes the directory if needed, and takes it for this process. Rejects with `DataDirTaken`, or with a sentence when
 * the directory can't be made or written to.
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
    // One that came from an older look may have taken another number meanwhile. Whoever sees the other steps back.
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

/** One that can't be removed, such as another user's, does no harm. */
async function removeStale(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => {});
}

function refuseIfHeld(dataDir: string, locks: readonly Lock[]): void {
  for (const { holder } of locks) if (holder !== null) throw new DataDirTaken(dataDir, holder);
}

/** False when there is such a lock. */
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
  /** Its process; null when that is gone, or when it is no lock at all. */
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

/** Where there is no /proc. */
const UNKNOWN = '-';

/** When the process began, in ticks since this machine did; of one that has ended and was not fetched, `ended`. */
async function startOf(pid: number): Promise<string> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name, in brackets, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : fields[19] ?? UNKNOWN;
  } catch {
    return UNKNOWN;
  }
}

/** Also true of a process of another user. */
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

/** Why nothing can be kept there. */
export function sentenceOn({ code = '', message }: NodeJS.ErrnoException, dataDir: string): string {
  return `The cluster can't keep its data in ${dataDir}: ${WHY[code] ?? message} (${code || 'unknown'}). ` +
    'See to that, or start it in another directory.';
}
