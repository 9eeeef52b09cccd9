import type { LeadershipStore } from '../../../actors/leadership/termStore.ts';
import type { Term } from '../../../domain/leadership/term.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';

export function memoryLeadership(connection: Connection): LeadershipStore {
  const { db } = connection;
  return {
    record: ({ began, ended }) =>
      connection.call('leadership.record', () => {
        const known = ended && db.terms.get(ended.term);
        if (ended) write(db, { ...ended, gap_ms: known?.gap_ms ?? null });
        // An end that the successor has written stands.
        const { ended_at, ended_by } = db.terms.get(began.term) ?? began;
        write(db, { ...began, ended_at, ended_by });
      }),

    list: (limit, before = Infinity) =>
      connection.call(
        'leadership.list',
        () =>
          [...db.terms.values()].filter(({ term }) => term < before).toSorted((a, b) => b.term - a.term)
            .slice(0, limit),
      ),
  };
}

/** Emits an event only if the term has changed. */
function write(db: Database, term: Term): void {
  const changes = JSON.stringify(db.terms.get(term.term)) !== JSON.stringify(term);
  db.terms.set(term.term, term);
  if (changes) db.events.append({ type: 'leadership', term });
}
