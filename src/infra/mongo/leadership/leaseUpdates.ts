/** Filters and updates of the lease document. The server evaluates them atomically, on its clock. */
import type { Binary, Document } from 'mongodb';
import type { BeganBy, Candidate, DeadGrant, Grant, ReleasedBy } from '../../../domain/leadership/lease.ts';
import { LEASE_FIELDS } from '../../../domain/leadership/leaseReading.ts';
import { CLOCK_TOLERANCE_MS } from '../../../domain/leadership/setBack.ts';
import type { Watermark } from '../../../domain/leadership/watermark.ts';
import { LEASE_ID, setAsideDocs } from '../shared/documents.ts';
import { after, literal } from '../shared/expressions.ts';
import { isUnderstood } from '../shared/readers.ts';
import { acquiredEntry, releasedEntry, setBackEvent } from './leaseEvents.ts';

/**
 * Released, with nothing left open by its last holder: can be taken without a read, if this version
 * understands it.
 */
export const VACANT = {
  released_at: { $ne: null },
  session: null,
  $expr: isUnderstood(LEASE_FIELDS),
} as const;

/** `isFreeFor` as a filter: the lease may have been renewed since the read. */
export function whileFreeFor({ boot }: Candidate): Document {
  const isReleased = { $gt: ['$released_at', null] };
  const isOver = { $lte: ['$expires_at', '$$NOW'] };
  return { $expr: { $or: [isReleased, isOver, { $eq: ['$boot', literal(boot)] }] } };
}

/** The update of an acquisition. Keeps the lease before it as `previous`. */
export function acquisition(
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
      ...clockFields(),
      expires_at: after('$$NOW', durationMs),
      released_at: literal(null),
      hands: acquiredEntry(candidate, term, by),
      released_by: literal(null),
      heir: literal(null),
    },
  }];
}

/** `isCurrent` as a filter. */
export function underGrant({ holder, boot, term }: Grant) {
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
      ...clockFields(),
      expires_at: after('$$NOW', durationMs),
      claimed_through: { $cond: [isLater, claimed, '$claimed_through'] },
      mirrored_through: { $cond: [isLater, mirrored, '$mirrored_through'] },
      set_aside: { $cond: [isLater, literal(setAsideDocs(mark)), '$set_aside'] },
    },
  }, { $set: { set_back_told: setBackEvent() } }];
}

/** The update of a release. `settled`: its holder has no claim open. */
export function release(by: ReleasedBy, heir: string | null, settled: boolean): Document[] {
  return [{
    $set: {
      expires_at: '$$NOW',
      released_at: '$$NOW',
      released_by: literal(by),
      heir: literal(heir),
      // A successor need not end a session with nothing open.
      ...(settled && { session: literal(null) }),
      hands: releasedEntry(by),
    },
  }];
}

/** The server's clock, as an acquisition or a renewal records it. */
function clockFields(): Document {
  const isSetBack = { $lt: ['$$NOW', after('$renewed_at', -CLOCK_TOLERANCE_MS)] };
  return {
    renewed_at: '$$NOW',
    latest_at: { $max: ['$latest_at', '$renewed_at', '$$NOW'] },
    set_back: {
      $cond: [isSetBack, { from: '$renewed_at', to: '$$NOW' }, { $ifNull: ['$set_back', literal(null)] }],
    },
  };
}
