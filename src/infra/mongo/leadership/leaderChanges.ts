/**
 * Changes of hands, for those who watch: a part of the lease document that a change stream tells as it was
 * written. Of a field that is changed, a change stream tells the new value, of a field that stays the same
 * nothing, and the document that can be looked up may be a later one. So each change is written under a key that
 * was never there, and told as a whole.
 */
import type { Document } from 'mongodb';
import type { BeganBy, ReleasedBy } from '../../../domain/leadership/lease.ts';
import { literal } from '../shared/expressions.ts';

/** The field for the update that takes the lease under the next term, an expression. */
export function takenBy(
  { holder, boot }: { holder: string; boot: string },
  term: Document,
  by: BeganBy,
): Document {
  return entry(term, { leader: literal(holder), boot: literal(boot), term, by: literal(by), at: '$$NOW' });
}

/** The field for the update that gives the lease back. */
export function givenBack(by: ReleasedBy): Document {
  return entry('$term', { leader: null, boot: '$boot', term: '$term', by: literal(by), at: '$$NOW' });
}

function entry(term: unknown, value: Document): Document {
  const key = { $concat: [value.leader === null ? 'free after ' : 'held in ', { $toString: term }] };
  return { $arrayToObject: [[{ k: key, v: value }]] };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The change of hands in what a change stream tells of the lease; null when it tells none. */
export function changeOfHands(updated: Document | undefined): object | null {
  for (const [field, value] of Object.entries(updated ?? {})) {
    const part = field === 'hands' && isObject(value) ? Object.values(value)[0] : value;
    if (/^hands(\.|$)/.test(field)) return isObject(part) ? part : null;
  }
  return null;
}
