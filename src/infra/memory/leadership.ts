import type { LeadershipStore } from '../../actors/ports.ts';
import type { Connection } from './connection.ts';

export function memoryLeadership(connection: Connection): LeadershipStore {
  const { db } = connection;
  return {
    record: ({ began, ended }) =>
      connection.call('leadership.record', () => {
        const known = ended && db.terms.get(ended.term);
        if (ended) db.terms.set(ended.term, { ...ended, gap_ms: known?.gap_ms ?? null });
        // What its successor may have written about its end stands.
        const { ended_at, ended_by } = db.terms.get(began.term) ?? began;
        db.terms.set(began.term, { ...began, ended_at, ended_by });
      }),

    list: (limit) =>
      connection.call(
        'leadership.list',
        () => [...db.terms.values()].toSorted((a, b) => b.term - a.term).slice(0, limit),
      ),
  };
}
