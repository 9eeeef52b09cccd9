/**
 * A real MongoDB for a test file: TEST_MONGO_URI, or a temporary mongod with failpoints. Where there is
 * none, the tests are reported as skipped, with the reason; in CI they fail.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { findMongod } from '../../src/local/mongod/find.ts';
import { startMongod } from '../../src/local/mongod/mongod.ts';

const clock = systemClock();

export interface TestMongo {
  uri: string;
  /** A new name at each call. */
  database(): string;
  stop(): Promise<void>;
  /** The reason when there is none. */
  skip: string | false;
}

/**
 * For the top level of a test file: `const mongo = await testMongo()`, then `describe('…', { skip: mongo.skip
 * }, …)`.
 */
export async function testMongo(): Promise<TestMongo> {
  const database = () => `test-${randomUUID().slice(0, 13)}`;
  const given = process.env.TEST_MONGO_URI;
  if (given) return { uri: given, database, stop: async () => {}, skip: false };

  const found = await findMongod({ clock, log: () => {} });
  if (found.binary === null) {
    const reason = `no mongod: ${found.tried.join('; ')}`;
    if (process.env.CI === 'true') throw new Error(reason);
    // Deno reports a skipped suite without its reason.
    console.error(`skipped: ${reason}`);
    return { uri: '', database, stop: async () => {}, skip: reason };
  }
  return { ...await startTestMongod(found.binary), database, skip: false };
}

/** Another mongod with failpoints, on a port that the test chooses. */
export async function anotherMongod(port: number): Promise<Pick<TestMongo, 'uri' | 'stop'>> {
  const found = await findMongod({ clock, log: () => {} });
  if (found.binary === null) throw new Error(`no mongod: ${found.tried.join('; ')}`);
  return await startTestMongod(found.binary, port);
}

async function startTestMongod(binary: string, port = 0): Promise<Pick<TestMongo, 'uri' | 'stop'>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hascheduler-test-'));
  const extraArgs = ['--setParameter', 'enableTestCommands=1'];
  const mongod = await startMongod({ binary, dataDir, port, clock, log: () => {}, extraArgs });
  return {
    uri: mongod.uri,
    async stop() {
      await mongod.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
