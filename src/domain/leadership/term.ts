import {
  type Acquisition,
  type BeganBy,
  type EndedBy,
  isFree,
  type Lease,
  type LeaseReading,
} from './lease.ts';

/** One leadership, from its beginning to its end. */
export interface Term {
  term: number;
  replica: string;
  boot: string;
  began_at: Date;
  began_by: BeganBy;
  /** Null while it lasts. */
  ended_at: Date | null;
  ended_by: EndedBy | null;
  /** Time without a leader before this term; null without a known predecessor. */
  gap_ms: number | null;
}

/** A term as its successor records it. */
export type EndedTerm = Omit<Term, 'gap_ms'>;

/**
 * The records of the term history that an acquisition writes: how its own term began, and how the
 * previous one ended. The winner writes both, from the lease document before and after its acquisition:
 * so a term is recorded even if its leader crashed before it could write a record.
 */
export function termsOf({ lease, previous }: Acquisition): { began: Term; ended: EndedTerm | null } {
  const began_at = lease.acquired_at as Date;
  // After the lease was deleted and created again, its last holder may be unknown.
  const ended = previous.holder === null ? null : endOf({ lease, previous });
  const began: Term = {
    term: lease.term,
    replica: lease.holder as string,
    boot: lease.boot as string,
    began_at,
    began_by: lease.began_by as BeganBy,
    ended_at: null,
    ended_by: null,
    gap_ms: ended === null ? null : Math.max(0, began_at.getTime() - (ended.ended_at as Date).getTime()),
  };
  return { began, ended };
}

function endOf({ lease, previous }: Acquisition): EndedTerm {
  const { term, holder, boot, acquired_at, began_by } = previous;
  const acquired_next = lease.acquired_at as Date;
  const isOver = previous.released_at !== null || previous.expires_at <= acquired_next;
  // The holder's process was gone a moment before the next term could begin.
  const fenced_at = lease.predecessor_died_at ?? acquired_next;
  return {
    term,
    replica: holder as string,
    boot: boot as string,
    began_at: acquired_at as Date,
    began_by: began_by as BeganBy,
    ...(isOver ? ownEnd(previous) : { ended_at: fenced_at, ended_by: 'fenced' }),
  };
}

/** The end of a lease that was released or expired, not pre-empted. */
function ownEnd({ released_at, released_by, expires_at }: Lease): { ended_at: Date; ended_by: EndedBy } {
  return released_at !== null
    ? { ended_at: released_at, ended_by: released_by ?? 'released' }
    : { ended_at: expires_at, ended_by: 'expired' };
}

/** The term with its end, if only the lease shows it, since no successor has recorded it yet. */
export function withEnd(term: Term, reading: LeaseReading): Term {
  const isOver = term.ended_at === null && reading.lease.term === term.term && isFree(reading);
  return isOver ? { ...term, ...ownEnd(reading.lease) } : term;
}
