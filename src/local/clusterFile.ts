/** `cluster.json`: the local processes, for the commands that disturb them (`just kill-leader`). */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';

/** Targets of signals: 0 and -1 would mean all processes of a group, or of the user. */
const PID = z.int().min(2);
const PORT = z.int().min(1).max(65_535);

const CLUSTER_FILE = z.object({
  /** The process of `npm start`, which may be the first one of a container. */
  pid: z.int().min(1),
  /** The front door's port. */
  port: PORT,
  /** `pid` is null while the replica is down. */
  replicas: z.array(z.object({ id: z.string(), port: PORT, pid: PID.nullable() })),
  /** Null when the store is external. */
  mongod: z.object({ pid: PID.nullable(), uri: z.string() }).nullable(),
});
export type ClusterFile = z.infer<typeof CLUSTER_FILE>;

/** Where the local cluster keeps all its data, below the working directory. */
export const DATA_DIR = resolve('.data');

const pathIn = (dataDir: string) => join(dataDir, 'cluster.json');

/** Replaces the file atomically. */
async function writeClusterFile(dataDir: string, cluster: ClusterFile): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const path = pathIn(dataDir);
  await writeFile(`${path}.new`, `${JSON.stringify(cluster, null, 2)}\n`);
  await rename(`${path}.new`, path);
}

/** The last cluster's file; null when it stopped cleanly, or when another program wrote the file. */
export async function readClusterFile(dataDir: string): Promise<ClusterFile | null> {
  try {
    const parsed = CLUSTER_FILE.safeParse(JSON.parse(await readFile(pathIn(dataDir), 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** Serialises writes of the present state; a failed write affects only the commands that read the file. */
export class ClusterFileWriter {
  readonly #dataDir: string;
  readonly #state: () => ClusterFile;
  #last: Promise<void> = Promise.resolve();

  constructor(dataDir: string, state: () => ClusterFile) {
    this.#dataDir = dataDir;
    this.#state = state;
  }

  write(): void {
    this.#last = this.#last.then(() => writeClusterFile(this.#dataDir, this.#state())).catch(() => {});
  }

  /** After all writes. */
  async remove(): Promise<void> {
    await this.#last;
    await rm(pathIn(this.#dataDir), { force: true });
  }
}
