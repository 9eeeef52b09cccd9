import type { Binary, Document, Filter, MongoClient } from 'mongodb';
import type { LeaseStore } from '../../../actors/leadership/leaseStore.ts';
import type { Logger } from '../../../actors/shared/environment.ts';
import { LeaseMissing } from '../../../actors/shared/storeErrors.ts';
import {
  type Acquisition,
  type BeganBy,
  type Candidate,
  type DeadGrant,
  type Grant,
  isFree,
  isHeldUnder,
  type LeaseReading,
} from '../../../domain/leadership/lease.ts';
import { CLOCK_TOLERANCE_MS, type SetBack } from '../../../domain/leadership/setBack.ts';
import type { Watermark } from '../../../domain/leadership/watermark.ts';
import { LEASE_NEEDS } from '../../../domain/leadership/leaseReading.ts';
import type { ClaimSession } from './claimSession.ts';
import { type Collections, LEASE_ID, type LeaseDoc, setAsideDocs } from '../shared/documents.ts';
import { answered } from '../shared/errors.ts';
import { after, literal } from '../shared/expressions.ts';
import { givenBack, takenBy } from './leaderChanges.ts';
import type { LeaseWatch } from './leaseWatch.ts';
import { isUnderstood, type Readers } from '../shared/readers.ts';

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

export function mongoLease(
  { client, collections: { leases }, logger, claimSession, readers, watch }: LeaseParts,
): LeaseStore {
  const take = async (
    candidate: Candidate,
    durationMs: number,
    instead: DeadGrant | null,
    aboveTerm: number,
    filter: Filter<LeaseDoc>,
  ): Promise<Acquisition | null> => {
    const taken = taking(candidate, durationMs, instead, aboveTerm, claimSession.id());
    const options = { returnDocument: 'after', maxTimeMS: WRITE_WITHIN_MS } as const;
    const doc = await leases.findOneAndUpdate({ _id: LEASE_ID, ...filter }, taken, options);
    return doc && { lease: readers.lease(doc), previous: readers.lease(doc.previous as LeaseDoc) };
  };

  return {
    read: () => answered('the reading of the lease', async () => (await read(leases, readers)).reading),

    acquire: (candidate, durationMs, instead, aboveTerm = 0) =>
      answered('the acquisition of the lease', async () => {
        const vacant = instead === null && await take(candidate, durationMs, null, aboveTerm, VACANT);
        if (vacant) return vacant;
        const { reading, session } = await read(leases, readers);
        const { lease: previous } = reading;
        const free = isFree(reading) || previous.boot === candidate.boot;
        if (!free && !(instead && isHeldUnder(previous, instead))) return null;
        await endOpenClaim(client, session, logger);
        return await take(candidate, durationMs, free ? null : instead, aboveTerm, {
          // A compare-and-set on the lease that was read, whose session was ended.
          term: previous.term,
          released_at: previous.released_at,
          ...(free ? isFreeFor(candidate) : grantOf(instead as Grant)),
        });
      }),

    renew: (grant, durationMs, mark) =>
      answered('the renewal of the lease', async () => {
        const options = { returnDocument: 'after', maxTimeMS: WRITE_WITHIN_MS } as const;
        const doc = await leases.findOneAndUpdate(inForce(grant), renewal(durationMs, mark), options);
        return doc && readers.lease(doc);
      }),

    release: (grant, by, heir = null) =>
      answered('the release of the lease', async () => {
        const released = {
          expires_at: '$$NOW',
          released_at: '$$NOW',
          released_by: literal(by),
          heir: literal(heir),
        };
        // A successor need not end a session with nothing open.
        const session = claimSession.settled ? { session: literal(null) } : {};
        const update = [{ $set: { ...released, ...session, hands: givenBack(by) } }];
        const { matchedCount } = await leases.updateOne(inForce(grant), update, {
          maxTimeMS: WRITE_WITHIN_MS,
        });
        return matchedCount === 1;
      }),

    askToStepDown: (term) =>
      answered('the request to step down', async () => {
        const { matchedCount } = await leases.updateOne(
          { _id: LEASE_ID, term, released_at: null, $expr: { $gt: ['$expires_at', '$$NOW'] } },
          { $set: { step_down_term: term } },
        );
        return matchedCount === 1;
      }),

    watch,
  };
}

/**
 * Released, with nothing left open by its last holder: can be taken without a read, if this version
 * understands it.
 */
const VACANT = { released_at: { $ne: null }, session: null, $expr: isUnderstood(LEASE_NEEDS) } as const;

function grantOf({ holder, boot, term }: Grant): Grant {
  return { holder, boot, term };
}

/**
 * The lease may have been renewed since the read. It is free if released, or expired by the
 * server's clock at the moment of the write (`isFree` in domain/leadership/lease.ts).
 */
function isFreeFor({ boot }: Candidate): Document {
  const isReleased = { $gt: ['$released_at', null] };
  const isOver = { $lte: ['$expires_at', '$$NOW'] };
  return { $expr: { $or: [isReleased, isOver, { $eq: ['$boot', literal(boot)] }] } };
}

function taking(
  candidate: Candidate,
  durationMs: number,
  instead: DeadGrant | null,
  aboveTerm: number,
  session: Binary,
): Document[] {
  const { holder, boot, address } = candidate;
  const term = { $add: [{ $max: ['$term', aboveTerm] }, 1] };
  const by: BeganBy = instead === null ? 'acquired' : 'pre-empted';
  return [{
    $set: {
      previous: { $unsetField: { field: 'previous', input: '$$ROOT' } },
      holder: literal(holder),
      boot: literal(boot),
      address: literal(address),
      session: literal(session),
      term,
      acquired_at: '$$NOW',
      began_by: literal(by),
      // Clamped to the predecessor's term: the replica's estimate of the server's clock may be off.
      predecessor_died_at: instead && { $min: [{ $max: [instead.diedAt, '$acquired_at'] }, '$$NOW'] },
      ...clockSeen(),
      expires_at: after('$$NOW', durationMs),
      released_at: literal(null),
      hands: takenBy(candidate, term, by),
      released_by: literal(null),
      heir: literal(null),
    },
  }];
}

/**
 * Matches the lease if the grant is in force. An expired grant counts until another replica takes
 * the lease; a released one doesn't.
 */
export function inForce({ holder, boot, term }: Grant) {
  return { _id: LEASE_ID, holder, boot, term, released_at: null } as const;
}

/**
 * The update of a renewal. The watermark moves as a whole, or not at all (`later` in
 * domain/leadership/lease.ts).
 */
export function renewal(durationMs: number, mark: Watermark): Document[] {
  const claimed = new Date(mark.claimedThroughMs);
  const mirrored = new Date(mark.mirroredThroughMs);
  const isLater = {
    $and: [{ $gte: [claimed, '$claimed_through'] }, { $gte: [mirrored, '$mirrored_through'] }],
  };
  return [{
    $set: {
      ...clockSeen(),
      expires_at: after('$$NOW', durationMs),
      claimed_through: { $cond: [isLater, claimed, '$claimed_through'] },
      mirrored_through: { $cond: [isLater, mirrored, '$mirrored_through'] },
      set_aside: { $cond: [isLater, literal(setAsideDocs(mark)), '$set_aside'] },
    },
  }, { $set: { set_back_told: setBackTold() } }];
}

/** What an acquisition or a renewal records of the server's clock. */
function clockSeen(): Document {
  const isSetBack = { $lt: ['$$NOW', after('$renewed_at', -CLOCK_TOLERANCE_MS)] };
  return {
    renewed_at: '$$NOW',
    latest_at: { $max: ['$latest_at', '$renewed_at', '$$NOW'] },
    set_back: {
      $cond: [isSetBack, { from: '$renewed_at', to: '$$NOW' }, { $ifNull: ['$set_back', literal(null)] }],
    },
  };
}

/**
 * The event of a set-back, written by the first renewal after it. One string, since a change stream
 * delivers only the changed fields of an object.
 */
function setBackTold(): Document {
  const ms = (field: string) => ({ $toString: { $toLong: field } });
  return { $concat: [ms('$set_back.from'), ' ', ms('$set_back.to')] };
}

/** The event in an update of the lease from a change stream; null if none. */
export function setBackOf(updated: Document | undefined): SetBack | null {
  const [from, to] = typeof updated?.set_back_told === 'string' ? updated.set_back_told.split(' ') : [];
  return from === undefined || to === undefined
    ? null
    : { from: new Date(Number(from)), to: new Date(Number(to)) };
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
