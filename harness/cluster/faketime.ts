/** A mongod whose clock a test sets, by libfaketime, which replaces the time functions of the C library. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { findMongod } from '../../src/local/mongod/find.ts';
import { startMongod } from '../../src/local/mongod/mongod.ts';

const LIB_DIR = '/usr/lib';
const LIBRARY = join('faketime', 'libfaketimeMT.so.1');

/** Where the package `libfaketime` of Debian and Ubuntu installs it; null with the places searched. */
export function findFaketime(): { library: string | null; tried: string[] } {
  const dirs = existsSync(LIB_DIR) ? readdirSync(LIB_DIR) : [];
  const library = dirs.map((dir) => join(LIB_DIR, dir, LIBRARY)).find((path) => existsSync(path)) ?? null;
  return { library, tried: library === null ? [`${LIBRARY} in the folders of ${LIB_DIR}`] : [] };
}

export interface SteppedMongo {
  uri: string;
  /** How far its clock is ahead of this machine's. */
  offsetMs(): number;
  /** Sets the server's clock to this many seconds ahead of this machine's. */
  setClock(seconds: number): Promise<void>;
  stop(): Promise<void>;
  /** The reason when there is none. */
  skip: string | false;
}

/** For the top level of a test file, like `testMongo`. Rejects in CI when there is none. */
export async function steppedMongo(): Promise<SteppedMongo> {
  const { library, tried } = findFaketime();
  const found = await findMongod({ clock: systemClock(), log: () => {} });
  const missing = [...tried, ...(found.binary === null ? found.tried : [])];
  if (library !== null && found.binary !== null) return await start(library, found.binary);
  const skip = `the clock of a mongod can't be set here: ${missing.join('; ')}`;
  if (process.env.CI === 'true') throw new Error(skip);
  console.error(`skipped: ${skip}`);
  return { uri: '', offsetMs: () => 0, setClock: async () => {}, stop: async () => {}, skip };
}

async function start(library: string, binary: string): Promise<SteppedMongo> {
  const dir = await mkdtemp(join(tmpdir(), 'hascheduler-clock-'));
  const clockFile = join(dir, 'clock');
  let offsetMs = 0;
  // libfaketime reads the file at each call: a half-written one would be another time.
  const setClock = async (seconds: number) => {
    await writeFile(`${clockFile}.next`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    await rename(`${clockFile}.next`, clockFile);
    offsetMs = seconds * 1000;
  };
  await setClock(0);
  const env = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: clockFile,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  const wrapper = join(dir, 'mongod');
  const assignments = Object.entries(env).map(([name, value]) => `${name}='${value}'`).join(' ');
  await writeFile(wrapper, `#!/bin/sh\nexec env ${assignments} '${binary}' "$@"\n`, { mode: 0o755 });
  const mongod = await startMongod({
    ...{ binary: wrapper, dataDir: join(dir, 'data') },
    ...{ clock: systemClock(), log: () => {} },
  });
  return {
    uri: mongod.uri,
    offsetMs: () => offsetMs,
    setClock,
    async stop() {
      // A clean stop takes long after its clock was set.
      mongod.killNow();
      await mongod.ended;
      await rm(dir, { recursive: true, force: true });
    },
    skip: false,
  };
}
