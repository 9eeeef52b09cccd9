import { MongoClient } from 'mongodb';
import type { Store } from '../../src/actors/store.ts';
import { systemClock } from '../../src/infra/machine/clock.ts';
import { mongoStore } from '../../src/infra/mongo/store.ts';
import type { ReportNotUnderstood } from '../../src/infra/shared/notUnderstood.ts';
import { systemRandom } from '../../src/infra/machine/random.ts';
import type { TestMongo } from '../../harness/cluster/mongo.ts';
import type { TestDatabase } from './support.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export interface TestMongoDatabase extends TestDatabase {
  name: string;
  /** A client of the test's own. */
  raw: MongoClient;
  /** A store that a failpoint can single out by this name. */
  connectAs(appName: string): Store;
}

/** A database of its own, dropped in the end. */
export function mongoDatabase(
  mongo: TestMongo,
  notUnderstood: ReportNotUnderstood = () => {},
): TestMongoDatabase {
  const name = mongo.database();
  const raw = new MongoClient(mongo.uri);
  const stores: Store[] = [];
  const connect = (uri: string) => {
    const store = mongoStore({
      uri,
      database: name,
      logger: silent,
      clock: systemClock(),
      random: systemRandom(),
      notUnderstood,
    });
    stores.push(store);
    return store;
  };
  return {
    name,
    raw,
    connect: () => connect(mongo.uri),
    connectAs: (appName) => connect(`${mongo.uri}${mongo.uri.includes('?') ? '&' : '?'}appName=${appName}`),
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await raw.db(name).dropDatabase();
      await raw.close();
    },
  };
}

/** Makes the next `times` of these commands of a store fail, until the returned function is called. */
export async function failCommand(
  raw: MongoClient,
  mode: { times: number } | 'alwaysOn',
  data: { appName: string; failCommands: string[]; [effect: string]: unknown },
): Promise<{ entered(times: number): Promise<void>; off(): Promise<void> }> {
  const admin = raw.db('admin');
  const { count } = await admin.command({ configureFailPoint: 'failCommand', mode, data });
  return {
    async entered(times) {
      await admin.command({
        waitForFailPoint: 'failCommand',
        timesEntered: count + times,
        maxTimeMS: 10_000,
      });
    },
    async off() {
      await admin.command({ configureFailPoint: 'failCommand', mode: 'off' });
    },
  };
}
