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
  /** How long nobody led before this term; null for the first. */
  gap_ms: number | null;
}

/** The part of a term that is known to whoever succeeds it. */
export type EndedTerm = Omit<Term, 'gap_ms'>;

/**
 * What an acquisition says about the history of terms: how its own began, and how the one before it ended. The
 * winner writes both, from the lease document as it was and as it is, so that no term is missing whoever
 * dies when: also the term of a leader that never wrote a line is known to its successor.
 */
export function termsOf({ lease, previous }: Acquisition): { began: Term; ended: EndedTerm | null } {
  const began_at = lease.acquired_at as Date;
  // Of a lease that was deleted and made again, it may not be known who held it.
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
  const taken_at = lease.acquired_at as Date;
  const isOver = previous.released_at !== null || previous.expires_at <= taken_at;
  // Its process was gone a moment before somebody else could begin.
  const fenced_at = lease.predecessor_died_at ?? taken_at;
  return {
    term,
    replica: holder as string,
    boot: boot as string,
    began_at: acquired_at as Date,
    began_by: began_by as BeganBy,
    ...(isOver ? ownEnd(previous) : { ended_at: fenced_at, ended_by: 'fenced' }),
  };
}

/** How a lease that is over came to its end; nobody took it away. */
function ownEnd({ released_at, released_by, expires_at }: Lease): { ended_at: Date; ended_by: EndedBy } {
  return released_at !== null
    ? { ended_at: released_at, ended_by: released_by ?? 'released' }
    : { ended_at: expires_at, ended_by: 'expired' };
}

/**
 * The term with its end, if that is to be read from the lease only: nobody has succeeded it yet, so nobody has
 * recorded it.
 */
export function withEnd(term: Term, reading: LeaseReading): Term {
  const isOver = term.ended_at === null && reading.lease.term === term.term && isFree(reading);
  return isOver ? { ...term, ...ownEnd(reading.lease) } : term;
}
