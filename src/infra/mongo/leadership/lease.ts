import type { Binary, Filter, MongoClient } from 'mongodb';
import type { LeaseStore } from '../../../actors/leadership/leaseStore.ts';
import type { Logger } from '../../../actors/shared/environment.ts';
import { LeaseMissing } from '../../../actors/shared/storeErrors.ts';
import {
  type Acquisition,
  type Candidate,
  type DeadGrant,
  type Grant,
  isFreeFor,
  isHeldUnder,
  type LeaseReading,
} from '../../../domain/leadership/lease.ts';
import { type Collections, LEASE_ID, type LeaseDoc } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import type { Readers } from '../shared/readers.ts';
import type { ClaimSession } from './claimSession.ts';
import type { LeaseWatch } from './leaseWatch.ts';
import { acquisition, release, renewal, underGrant, VACANT, whileFreeFor } from './leaseUpdates.ts';

/**
 * A lease write blocked for this long is better retried: the transaction that blocks it may have
 * been ended by then.
 */
const WRITE_WITHIN_MS = 1000;

export interface LeaseParts {
  client: MongoClient;
  collections: Collections;
  logger: Logger;
  claimSession: ClaimSession;
  readers: Readers;
  watch: LeaseWatch;
}

export function mongoLease(parts: LeaseParts): LeaseStore {
  const { collections: { leases }, claimSession, readers, watch } = parts;
  return {
    read: () => storeCall('the reading of the lease', async () => (await read(leases, readers)).reading),

    acquire: (candidate, durationMs, instead, aboveTerm = 0) =>
      storeCall(
        'the acquisition of the lease',
        () => acquire(parts, { candidate, durationMs, instead, aboveTerm }),
      ),

    renew: (grant, durationMs, mark) =>
      storeCall('the renewal of the lease', async () => {
        const options = { returnDocument: 'after', maxTimeMS: WRITE_WITHIN_MS } as const;
        const doc = await leases.findOneAndUpdate(underGrant(grant), renewal(durationMs, mark), options);
        return doc && readers.lease(doc);
      }),

    release: (grant, by, heir = null) =>
      storeCall('the release of the lease', async () => {
        const update = release(by, heir, claimSession.settled);
        const { matchedCount } = await leases.updateOne(underGrant(grant), update, {
          maxTimeMS: WRITE_WITHIN_MS,
        });
        return matchedCount === 1;
      }),

    askToStepDown: (term) =>
      storeCall('the request to step down', async () => {
        const { matchedCount } = await leases.updateOne(
          { _id: LEASE_ID, term, released_at: null, $expr: { $gt: ['$expires_at', '$$NOW'] } },
          { $set: { step_down_term: term } },
        );
        return matchedCount === 1;
      }),

    watch,
  };
}

interface Request {
  candidate: Candidate;
  durationMs: number;
  instead: DeadGrant | null;
  aboveTerm: number;
}

async function acquire(parts: LeaseParts, request: Request): Promise<Acquisition | null> {
  const { client, collections: { leases }, logger, readers } = parts;
  const { candidate, instead } = request;
  const vacant = instead === null ? await acquireIf(parts, request, VACANT) : null;
  if (vacant !== null) return vacant;
  const { reading, session } = await read(leases, readers);
  const { lease: previous } = reading;
  const free = isFreeFor(reading, candidate);
  if (!free && !(instead && isHeldUnder(previous, instead))) return null;
  await endOpenClaim(client, session, logger);
  return await acquireIf(parts, { ...request, instead: free ? null : instead }, {
    // A compare-and-set on the lease that was read, whose session was ended.
    term: previous.term,
    released_at: previous.released_at,
    ...(free ? whileFreeFor(candidate) : grantOf(instead as DeadGrant)),
  });
}

/** Acquires the lease if it matches the filter; null if not. */
async function acquireIf(
  { collections: { leases }, claimSession, readers }: LeaseParts,
  { candidate, durationMs, instead, aboveTerm }: Request,
  filter: Filter<LeaseDoc>,
): Promise<Acquisition | null> {
  const update = acquisition(candidate, durationMs, instead, aboveTerm, claimSession.id());
  const options = { returnDocument: 'after', maxTimeMS: WRITE_WITHIN_MS } as const;
  const doc = await leases.findOneAndUpdate({ _id: LEASE_ID, ...filter }, update, options);
  return doc && { lease: readers.lease(doc), previous: readers.lease(doc.previous as LeaseDoc) };
}

function grantOf({ holder, boot, term }: Grant): Grant {
  return { holder, boot, term };
}

interface Found {
  reading: LeaseReading;
  /** Logical session of the holder's claims. */
  session: Binary | null;
}

async function read(leases: Collections['leases'], readers: Readers): Promise<Found> {
  const pipeline = [{ $match: { _id: LEASE_ID } }, { $addFields: { now: '$$NOW' } }];
  const [found] = await leases.aggregate<LeaseDoc & { now: Date }>(pipeline).toArray();
  if (!found) throw new LeaseMissing();
  const { now, ...doc } = found;
  return { reading: { lease: readers.lease(doc), serverNowMs: now.getTime() }, session: doc.session };
}

/**
 * Ends the transaction that the last holder may have left open. A leader killed, frozen or
 * partitioned during a claim has written the lease document or run records, and blocks every other
 * writer of them until the server aborts the transaction, after 60 s by default. Its commit fails
 * from here on. A session's owner may always kill it, so this needs no privileges; without it, an
 * acquisition only takes longer.
 */
async function endOpenClaim(client: MongoClient, session: Binary | null, logger: Logger): Promise<void> {
  if (!session) return;
  try {
    await client.db('admin').command({ killSessions: [{ id: session }], maxTimeMS: WRITE_WITHIN_MS });
  } catch (error) {
    logger.warn("could not end the last leader's open transaction; a takeover may have to wait for it", {
      error: (error as Error).message,
    });
  }
}
