/** The data directory of a cluster: its lock, and the processes that a killed cluster has left behind. */
import type { Clock, Random } from '../actors/shared/environment.ts';
import { wait } from '../actors/shared/wait.ts';
import { readClusterFile } from './clusterFile.ts';
import { DataDirLocked, isAlive, lockDataDir, type Release } from './dataDir.ts';

/** How long to wait for the children of a killed cluster to end. */
const LEFTOVERS_LIMIT_MS = 15_000;
const POLL_EVERY_MS = 50;

/** Gives a cluster exclusive use of its directory. Rejects with a sentence. */
export async function lockClusterDir(dataDir: string, clock: Clock, random: Random): Promise<Release> {
  try {
    return await lockDataDir(dataDir, clock, random);
  } catch (error) {
    if (!(error instanceof DataDirLocked)) throw error;
    const file = await readClusterFile(dataDir);
    const where = file?.pid === error.holder ? `, http://localhost:${file.port}` : '';
    throw new Error(
      `A cluster is already running here (process ${error.holder}${where}): use it, or stop it first.`,
    );
  }
}

/** Waits for the processes of a killed cluster, which may take a moment to end. */
export async function awaitLeftovers(
  dataDir: string,
  clock: Clock,
  say: (message: string) => void,
): Promise<void> {
  const last = await readClusterFile(dataDir);
  if (!last) return;
  const pids = [...last.replicas.map((replica) => replica.pid), last.mongod?.pid ?? null]
    .filter((pid) => pid !== null);
  const deadlineMs = clock.monotonic() + LEFTOVERS_LIMIT_MS;
  if (pids.some(isAlive)) say('Waiting for the processes of the last cluster to end …');
  while (pids.some(isAlive) && clock.monotonic() < deadlineMs) await wait(clock, POLL_EVERY_MS);
}
