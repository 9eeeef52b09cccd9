/**
 * The store in this process's memory, with the semantics of the MongoDB one: for
 * `MONGO_URI=memory:` and for simulations, in which several replicas share one database. Its data
 * ends with the process.
 */
import type { Clock } from '../../actors/shared/environment.ts';
import type { Store } from '../../actors/store.ts';
import { recoveredLease, type SurvivingRecords, wasDue } from '../../domain/leadership/leaseRecovery.ts';
import { isOccurrence, type Run } from '../../domain/runs/run.ts';
import { memoryClaims } from './firing/claims.ts';
import { Connection, type Intercept, type Obstacle } from './shared/connection.ts';
import { Database } from './shared/database.ts';
import { memoryEvents } from './events/events.ts';
import { memoryFeed } from './schedules/feed.ts';
import { memoryLeadership } from './leadership/terms.ts';
import { memoryLease } from './leadership/lease.ts';
import { memoryPresence } from './membership/presence.ts';
import { memoryBackfills } from './runs/backfills.ts';
import { memoryRuns } from './runs/runs.ts';
import { memorySchedules } from './schedules/schedules.ts';

export interface MemoryDatabase {
  /**
   * One replica's store. `intercept` may delay, drop and fail its calls; `obstacle` says what its
   * version does not understand.
   */
  connect(options?: { intercept?: Intercept; obstacle?: Obstacle }): Store;
}

/** `clock` is the server's: its `now` is the time of every lease and every write. */
export function memoryDatabase({ clock }: { clock: Clock }): MemoryDatabase {
  const db = new Database(clock);
  return {
    connect: ({ intercept, obstacle } = {}) => memoryStore(db, new Connection(db, intercept, obstacle)),
  };
}

/** One replica's store, over a connection to a database that may be shared. */
export function memoryStore(db: Database, connection: Connection): Store {
  return {
    lease: memoryLease(connection),
    claims: memoryClaims(connection),
    schedules: memorySchedules(connection),
    feed: memoryFeed(connection),
    runs: memoryRuns(connection),
    backfills: memoryBackfills(connection),
    presence: memoryPresence(connection),
    leadership: memoryLeadership(connection),
    events: memoryEvents(connection),
    prepare: (known = null) =>
      connection.call('store.prepare', () => {
        if (db.lease !== null) return [];
        const nowMs = db.nowMs();
        // Later writes must count as newer, even when the clock is set back.
        db.historyMs(nowMs);
        db.lease = recoveredLease(known, survivingRecords(db), nowMs);
        return ['the lease document'];
      }),
    ping: () => connection.call('store.ping', () => undefined),
    async close() {
      connection.close();
    },
  };
}

function survivingRecords(db: Database): SurvivingRecords {
  const occurrences = db.runs().filter(isOccurrence);
  return {
    newestTerm: Math.max(0, ...db.terms.keys()),
    newestRun: newest(occurrences.filter((run) => run.scheduled_for.getTime() <= db.nowMs())),
    latestRun: newest(occurrences.filter(wasDue)),
  };
}

function newest(runs: readonly Run[]): Run | null {
  return runs.reduce<Run | null>(
    (found, run) => found === null || run.scheduled_for > found.scheduled_for ? run : found,
    null,
  );
}
