import type { EndedTerm, Term } from '../../domain/leadership/term.ts';

export interface LeadershipStore {
  /** Writes the beginning of a term, and the end of its predecessor. Idempotent. */
  record(terms: { began: Term; ended: EndedTerm | null }): Promise<void>;
  /** Newest first; only terms before `before`, if given. Terms are kept for 90 days. */
  list(limit: number, before?: number): Promise<Term[]>;
}
