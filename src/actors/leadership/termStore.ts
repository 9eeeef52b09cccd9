import type { EndedTerm, Term } from '../../domain/leadership/term.ts';

export interface LeadershipStore {
  /** Writes the beginning of a term, and the end of the one before it. Writing it twice is harmless. */
  record(terms: { began: Term; ended: EndedTerm | null }): Promise<void>;
  /** Newest first, only terms before `before` if that is given; they are kept for 90 days. */
  list(limit: number, before?: number): Promise<Term[]>;
}
