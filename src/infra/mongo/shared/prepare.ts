import type { CreateIndexesOptions, Db, Document, IndexSpecification } from 'mongodb';
import { StoreUnavailable } from '../../../actors/shared/storeErrors.ts';
import type { Lease } from '../../../domain/leadership/lease.ts';
import { CLOCK_TOLERANCE_MS } from '../../../domain/leadership/setBack.ts';
import { recoveredLease, type SurvivingRecords } from '../../../domain/leadership/leaseRecovery.ts';
import { OF_OCCURRENCES, OPEN_STATES } from '../../../domain/runs/run.ts';
import { type Collections, fromLease, LEASE_ID } from './documents.ts';
import { DUPLICATE_KEY, hasCode } from './errors.ts';

const NAMESPACE_EXISTS = 48;
/** Retention of a vanished replica's entry. */
const REPLICA_KEPT_S = 3600;
const TERM_KEPT_S = 90 * 24 * 3600;

type Index = { key: IndexSpecification & Record<string, 1 | -1>; options?: CreateIndexesOptions };

const OPEN = { state: { $in: [...OPEN_STATES] } };
const OVERLAPS = { overlap: { $in: ['skip', 'queue', 'replace'] }, ...OPEN };
const BACKFILLED = { backfill_id: { $exists: true }, ...OPEN };
const WAITING = { waiting_schedule: { $gt: '' } };

/** By collection. All others are read by `_id`. */
const INDEXES = {
  runs: [
    { key: { schedule_id: 1, scheduled_for: -1, _id: -1 } },
    { key: { scheduled_for: -1, _id: -1 } },
    { key: { state: 1, scheduled_for: -1, _id: -1 } },
    { key: { expire_at: 1 }, options: { expireAfterSeconds: 0 } },
    // Only open runs are in these; what ends leaves them.
    { key: { executor_boot: 1, scheduled_for: 1, _id: 1 }, options: { partialFilterExpression: OPEN } },
    { key: { waiting_schedule: 1, available_at: 1, _id: 1 }, options: { partialFilterExpression: WAITING } },
    { key: { available_at: 1, _id: 1 }, options: { partialFilterExpression: WAITING } },
    { key: { schedule_id: 1 }, options: { partialFilterExpression: OVERLAPS } },
    { key: { backfill_id: 1 }, options: { partialFilterExpression: BACKFILLED } },
  ],
  backfills: [
    { key: { schedule_id: 1, created_at: -1, _id: -1 } },
    { key: { state: 1, created_at: 1, _id: 1 } },
    { key: { expire_at: 1 }, options: { expireAfterSeconds: 0 } },
  ],
  replicas: [{ key: { last_seen: 1 }, options: { expireAfterSeconds: REPLICA_KEPT_S } }],
  leadership: [{ key: { began_at: 1 }, options: { expireAfterSeconds: TERM_KEPT_S } }],
} satisfies Partial<Record<keyof Collections, Index[]>>;

/**
 * Creates missing collections, indexes and the lease document, and returns what it created. Any
 * number of replicas may do so concurrently.
 */
export async function prepare(db: Db, collections: Collections, known: Lease | null): Promise<string[]> {
  await refuseStandalone(db);
  // Explicitly, since a transaction can't wait for the creation of a collection.
  const names = new Set(Object.values(collections).map((collection) => collection.collectionName));
  const made = await Promise.all([...names].map((name) => makeCollection(db, name)));
  const indexed = await Promise.all(
    Object.entries(INDEXES).map(([name, indexes]) => makeIndexes(db, name, indexes)),
  );
  const isLeaseMade = await makeLease(db, collections, known);
  return [...made, ...indexed, isLeaseMade && 'the lease document'].filter((what) => what !== false);
}

async function refuseStandalone(db: Db): Promise<void> {
  const hello = await db.command({ hello: 1 });
  if (hello.setName !== undefined || hello.msg === 'isdbgrid') return;
  throw new StoreUnavailable(
    'this MongoDB is a standalone server, which has neither transactions nor change streams: start it with --replSet, ' +
      'and run rs.initiate() once; one member is enough',
  );
}

async function makeCollection(db: Db, name: string): Promise<string | false> {
  const isNew = await unless(NAMESPACE_EXISTS, db.createCollection(name));
  return isNew && `the collection ${name}`;
}

async function makeIndexes(db: Db, name: string, indexes: readonly Index[]): Promise<string | false> {
  const { numIndexesBefore, numIndexesAfter } = await db.command({
    createIndexes: name,
    indexes: indexes.map(({ key, options }) => ({ key, name: nameOf(key), ...options })),
    writeConcern: { w: 'majority' },
  });
  return numIndexesAfter > numIndexesBefore && `indexes of ${name}`;
}

/** The driver's default name, which earlier versions of the product used. */
function nameOf(key: Index['key']): string {
  return Object.entries(key).map(([field, direction]) => `${field}_${direction}`).join('_');
}

/** Reads the server's clock after the document is known to be gone: later than the last claim. */
async function makeLease(db: Db, collections: Collections, known: Lease | null): Promise<boolean> {
  const { leases } = collections;
  if (await leases.findOne({ _id: LEASE_ID }, { projection: { _id: 1 } })) return false;
  const records = await survivingRecords(collections);
  const { localTime } = await db.command({ hello: 1 });
  const lease = recoveredLease(known, records, (localTime as Date).getTime());
  return await unless(DUPLICATE_KEY, leases.insertOne(fromLease(lease)));
}

async function survivingRecords(collections: Collections): Promise<SurvivingRecords> {
  const [[term], newestRun, latestRun] = await Promise.all([
    collections.leadership.find({ _id: { $gte: 0 } }).sort({ _id: -1 }).limit(1).toArray(),
    newestOccurrence(collections, { $lte: ['$scheduled_for', '$$NOW'] }),
    newestOccurrence(collections, WAS_DUE),
  ]);
  return { newestTerm: term?._id ?? 0, newestRun, latestRun };
}

/** `wasDue` as an expression. */
const WAS_DUE = { $lte: ['$scheduled_for', { $add: ['$claimed_at', CLOCK_TOLERANCE_MS] }] };

async function newestOccurrence(
  { runs }: Collections,
  condition: Document,
): Promise<SurvivingRecords['newestRun']> {
  const [found] = await runs.aggregate<NonNullable<SurvivingRecords['newestRun']>>([
    {
      $match: {
        scheduled_for: { $type: 'date' },
        claimed_at: { $type: 'date' },
        term: { $type: 'number' },
        trigger: { $in: [...OF_OCCURRENCES] },
        $expr: condition,
      },
    },
    { $sort: { scheduled_for: -1, _id: -1 } },
    { $limit: 1 },
  ]).toArray();
  return found ?? null;
}

/** Whether the call did something: false when it failed with this code, because another was first. */
async function unless(code: number, call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (!hasCode(error, code)) throw error;
    return false;
  }
}
