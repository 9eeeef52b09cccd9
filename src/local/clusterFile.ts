import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** Signals are sent to these: 0 and -1 would mean all processes of a group, or of the user. */
const PID = z.int().min(2);
const PORT = z.int().min(1).max(65_535);

/**
 * What runs on this machine, for the commands that disturb it (`just kill-leader`). Null for what is down at
 * the moment.
 */
const CLUSTER_FILE = z.object({
  /** Of `npm start` itself, which may be the first process of a container. */
  pid: z.int().min(1),
  /** Of the front door. */
  port: PORT,
  replicas: z.array(z.object({ id: z.string(), port: PORT, pid: PID.nullable() })),
  /** Null when the store is somebody else's. */
  mongod: z.object({ pid: PID.nullable(), uri: z.string() }).nullable(),
});
export type ClusterFile = z.infer<typeof CLUSTER_FILE>;

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

/** What the last cluster wrote, null when it ended well, or when what is there was written by something else. */
export async function readClusterFile(dataDir: string): Promise<ClusterFile | null> {
  try {
    const parsed = CLUSTER_FILE.safeParse(JSON.parse(await readFile(pathIn(dataDir), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

export async function removeClusterFile(dataDir: string): Promise<void> {
  await rm(pathIn(dataDir), { force: true });
}
