import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { signalled } from './guarded.ts';

/**
 * What runs on this machine, for the commands that disturb it (`just kill-leader`). Null for what is down at
 * the moment.
 */
export interface ClusterFile {
  /** Of `npm start` itself. */
  pid: number;
  /** Of the front door. */
  port: number;
  replicas: { id: string; port: number; pid: number | null }[];
  /** Null when the store is somebody else's. */
  mongod: { pid: number | null; uri: string } | null;
}

/** Everything that the local cluster keeps, in the working directory. */
export const DATA_DIR = resolve('.data');

const pathIn = (dataDir: string) => join(dataDir, 'cluster.json');

/** Whole or not at all. */
export async function writeClusterFile(dataDir: string, cluster: ClusterFile): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = pathIn(dataDir);
  await writeFile(`${path}.new`, `${JSON.stringify(cluster, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

/** What the last cluster wrote, null when it ended well. */
export async function readClusterFile(dataDir: string): Promise<ClusterFile | null> {
  try {
    return JSON.parse(await readFile(pathIn(dataDir), 'utf8'));
  } catch {
    return null;
  }
}

export async function removeClusterFile(dataDir: string): Promise<void> {
  await rm(pathIn(dataDir), { force: true });
}

export function isAlive(pid: number): boolean {
  return signalled(pid, 0);
}
