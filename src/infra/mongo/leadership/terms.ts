import type { LeadershipStore } from '../../../actors/leadership/termStore.ts';
import type { Term } from '../../../domain/leadership/term.ts';
import type { Readers } from '../shared/readers.ts';
import type { Collections } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';

/** Term history; a document's `_id` is its term. */
export function mongoLeadership({ leadership }: Collections, readers: Readers): LeadershipStore {
  return {
    record: ({ began, ended }) =>
      storeCall('the recording of a term', async () => {
        const upsert = ({ term, ...fields }: Partial<Term> & { term: number }, onInsert: Partial<Term>) => ({
          updateOne: {
            filter: { _id: term },
            update: { $set: fields, $setOnInsert: onInsert },
            upsert: true,
          },
        });
        const { ended_at, ended_by, ...beginning } = began;
        await leadership.bulkWrite([
          ...(ended ? [upsert(ended, { gap_ms: null })] : []),
          // An end that the successor has written stands.
          upsert(beginning, { ended_at, ended_by }),
        ]);
      }),

    list: (limit, before = Infinity) =>
      storeCall('the history of terms', async () => {
        const docs = await leadership.find({ _id: { $lt: before } }).sort({ _id: -1 }).limit(limit).toArray();
        return docs.flatMap((doc) => readers.term(doc) ?? []);
      }),
  };
}
