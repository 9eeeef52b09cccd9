import { it } from 'node:test';
import type { Binary } from 'mongodb';
import type { Store } from '../../../src/actors/store.ts';
import type { Grant } from '../../../src/domain/leadership/lease.ts';
import type { TestMongo } from '../../../harness/cluster/mongo.ts';
import { mongoDatabase, type TestMongoDatabase } from '../mongoDatabase.ts';
import { claimed, create, lead } from '../support.ts';

/** The name of the store whose commands fail. */
export const CLAIMER = 'claimer';

/** Gets a prepared store on a database of its own. The server has `enableTestCommands`. */
export type MongoTest = (
  name: string,
  body: (store: Store, database: TestMongoDatabase) => Promise<void>,
) => void;

export function mongoTestOn(mongo: TestMongo): MongoTest {
  return (name, body) => {
    it(name, { timeout: 30_000 }, async () => {
      const database = mongoDatabase(mongo);
      try {
        const store = database.connectAs(CLAIMER);
        await store.prepare();
        await body(store, database);
      } finally {
        await database.close();
      }
    });
  };
}

/** The collection of leases. */
export function leasesOf({ raw, name }: Pick<TestMongoDatabase, 'raw' | 'name'>) {
  return raw.db(name).collection<{ _id: string; session: Binary | null }>('leases');
}

/** A leader, a schedule, and two runs of it that are not claimed yet. */
export async function ready(
  store: Store,
): Promise<
  { grant: Grant; schedule: Awaited<ReturnType<typeof create>>; runs: ReturnType<typeof claimed>[] }
> {
  const { grant } = await lead(store, 'a');
  const schedule = await create(store, 'job');
  return { grant, schedule, runs: [claimed('job', 1, grant), claimed('job', 2, grant)] };
}
