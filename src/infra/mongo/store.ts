import type { MongoClientOptions } from 'mongodb';
import type { Clock, Logger, Random } from '../../actors/shared/environment.ts';
import type { Store } from '../../actors/store.ts';
import { notUnderstoodLog, type ReportNotUnderstood } from '../shared/notUnderstood.ts';
import { ClaimSession } from './leadership/claimSession.ts';
import { mongoClient } from './shared/client.ts';
import { mongoClaims } from './firing/claims.ts';
import { collections as collectionsOf } from './shared/documents.ts';
import { storeCall } from './shared/errors.ts';
import { mongoEvents } from './events/events.ts';
import { mongoFeed } from './schedules/feed.ts';
import { mongoLeadership } from './leadership/terms.ts';
import { mongoLease } from './leadership/lease.ts';
import { leaseWatch } from './leadership/leaseWatch.ts';
import { prepare } from './shared/prepare.ts';
import { mongoPresence } from './membership/presence.ts';
import { mongoBackfills } from './runs/backfills.ts';
import { mongoRuns } from './runs/runs.ts';
import { mongoSchedules } from './schedules/schedules.ts';
import { readers } from './shared/readers.ts';

/** Every call answers or rejects within seconds: a leader that waits longer has lost its lease. */
const OPTIONS: MongoClientOptions = {
  serverSelectionTimeoutMS: 2000,
  connectTimeoutMS: 2000,
  socketTimeoutMS: 3000,
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  writeConcern: { w: 'majority', journal: true },
  ignoreUndefined: true,
};

export interface MongoStoreOptions {
  /** MongoDB connection string; accepts `connect=direct`. */
  uri: string;
  database?: string;
  logger: Logger;
  clock: Clock;
  random: Random;
  /** Receives documents that are not understood; logs them by default. */
  notUnderstood?: ReportNotUnderstood;
}

/**
 * Connects on the first call, so that a MongoDB that isn't up yet is no error here. Throws on an
 * invalid URI, with a sentence that reveals nothing of it.
 */
export function mongoStore(
  { uri, database = 'hascheduler', logger, clock, random, notUnderstood }: MongoStoreOptions,
): Store {
  const client = mongoClient(uri, OPTIONS);
  const db = client.db(database);
  const collections = collectionsOf(db);
  const read = readers(notUnderstood ?? notUnderstoodLog(logger, clock));
  const transactions = { client, clock, random };
  const claimSession = new ClaimSession(client);
  const open = new Set<() => void>();
  const endWithStore = (end: () => void) => {
    open.add(end);
    return () => open.delete(end);
  };
  return {
    lease: mongoLease({
      client,
      collections,
      logger,
      claimSession,
      readers: read,
      watch: leaseWatch(collections, clock, endWithStore),
    }),
    claims: mongoClaims({ collections, claimSession, readers: read, clock, random }),
    schedules: mongoSchedules(collections),
    feed: mongoFeed({ client, collections, logger, endWithStore }),
    runs: mongoRuns(collections, read, transactions),
    backfills: mongoBackfills(collections, read, transactions),
    presence: mongoPresence(collections, read),
    leadership: mongoLeadership(collections, read),
    events: mongoEvents({ db, readers: read, endWithStore }),
    prepare: (known = null) =>
      storeCall('the preparation of the database', async () => {
        // A client whose first call failed to connect does not retry by itself.
        await client.connect();
        return await prepare(db, collections, known);
      }),
    ping: () =>
      storeCall('a ping', async () => {
        await db.command({ ping: 1 });
      }),
    async close() {
      for (const end of [...open]) end();
      await claimSession.close();
      await client.close();
    },
  };
}
