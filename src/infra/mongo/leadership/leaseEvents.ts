/**
 * Leader changes and set-backs of the server's clock, as parts of the lease document that a change
 * stream delivers as they were written. A change stream delivers the new value of a changed field and
 * nothing of an unchanged one, and a looked-up document may be a later one. So each leader change is
 * written under a fresh key, and each set-back as one string: both are delivered as a whole.
 */
import type { Document } from 'mongodb';
import type { BeganBy, ReleasedBy } from '../../../domain/leadership/lease.ts';
import type { SetBack } from '../../../domain/leadership/setBack.ts';
import { literal } from '../shared/expressions.ts';

/** The `hands` field, an expression, of the update that acquires the lease under the next term. */
export function acquiredEntry(
  { holder, boot }: { holder: string; boot: string },
  term: Document,
  by: BeganBy,
): Document {
  return entry(term, { leader: literal(holder), boot: literal(boot), term, by: literal(by), at: '$$NOW' });
}

/** The `hands` field of the update that releases the lease. */
export function releasedEntry(by: ReleasedBy): Document {
  return entry('$term', { leader: null, boot: '$boot', term: '$term', by: literal(by), at: '$$NOW' });
}

function entry(term: unknown, value: Document): Document {
  const key = { $concat: [value.leader === null ? 'free after ' : 'held in ', { $toString: term }] };
  return { $arrayToObject: [[{ k: key, v: value }]] };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The leader change in an update of the lease from a change stream; null if none. */
export function leaderChangeIn(updated: Document | undefined): object | null {
  for (const [field, value] of Object.entries(updated ?? {})) {
    const part = field === 'hands' && isObject(value) ? Object.values(value)[0] : value;
    if (/^hands(\.|$)/.test(field)) return isObject(part) ? part : null;
  }
  return null;
}

/** The `set_back_told` field, an expression: written by the first renewal after a set-back. */
export function setBackEvent(): Document {
  const ms = (field: string) => ({ $toString: { $toLong: field } });
  return { $concat: [ms('$set_back.from'), ' ', ms('$set_back.to')] };
}

/** The set-back in an update of the lease from a change stream; null if none. */
export function setBackIn(updated: Document | undefined): SetBack | null {
  const [from, to] = typeof updated?.set_back_told === 'string' ? updated.set_back_told.split(' ') : [];
  return from === undefined || to === undefined
    ? null
    : { from: new Date(Number(from)), to: new Date(Number(to)) };
}
