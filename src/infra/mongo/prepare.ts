import type { Db } from 'mongodb';
import { StoreUnavailable } from '../../actors/ports.ts';
import { NEVER_HELD } from '../../domain/lease.ts';
import { type Collections, LEASE_ID } from './documents.ts';
import { DUPLICATE_KEY, hasCode } from './errors.ts';

const NAMESPACE_EXISTS = 48;
/** How long the entry of a replica that vanished is kept. */
const REPLICA_KEPT_S = 3600;
const TERM_KEPT_S = 90 * 24 * 3600;

/**
 * Makes what is missing of collections, indexes and the lease document. Any number of replicas may do so at
 * once.
 */
export async function prepare(db: Db, collections: Collections): Promise<void> {
  await refuseStandalone(db);
  // Explicitly, since a transaction may not wait for the creation of a collection.
  const names = new Set(Object.values(collections).map((collection) => collection.collectionName));
  await Promise.all([...names].map((name) => tolerating(NAMESPACE_EXISTS, db.createCollection(name))));
  await collections.runs.createIndexes([
    { key: { schedule_id: 1, scheduled_for: -1, _id: -1 } },
    { key: { scheduled_for: -1, _id: -1 } },
    { key: { state: 1, scheduled_for: -1, _id: -1 } },
    { key: { expire_at: 1 }, expireAfterSeconds: 0 },
  ]);
  await collections.replicas.createIndex({ last_seen: 1 }, { expireAfterSeconds: REPLICA_KEPT_S });
  await collections.leadership.createIndex({ began_at: 1 }, { expireAfterSeconds: TERM_KEPT_S });
  await tolerating(DUPLICATE_KEY, insertLease(collections));
}

async function refuseStandalone(db: Db): Promise<void> {
  const hello = await db.command({ hello: 1 });
  if (hello.setName !== undefined || hello.msg === 'isdbgrid') return;
  throw new StoreUnavailable(
    'this MongoDB is a standalone server, which has neither transactions nor change streams: start it with --replSet, ' +
      'and run rs.initiate() once; one member is enough',
  );
}

async function insertLease({ leases }: Collections): Promise<void> {
  // Never matches a stored one, so that only the first of all upserts does something.
  const absent = { _id: LEASE_ID, term: { $exists: false } } as const;
  // Nothing that fell due before the product was here is owed.
  const marks = { claimed_through: '$$NOW', mirrored_through: '$$NOW' };
  await leases.updateOne(absent, [{ $set: { ...NEVER_HELD, session: null, ...marks } }], { upsert: true });
}

async function tolerating(code: number, call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!hasCode(error, code)) throw error;
  }
}
