import type { Term } from '../../src/domain/leadership/term.ts';

/** A term that has not ended. */
export function termOf(replica: string, term: number, began_at: Date, more: Partial<Term> = {}): Term {
  return {
    ...{ term, replica, boot: `boot-${replica}` },
    ...{ began_at, began_by: 'acquired', ended_at: null, ended_by: null, gap_ms: null },
    ...more,
  };
}
