import type { PresenceStore } from '../../actors/ports.ts';
import type { Document } from 'mongodb';
import { after, literal } from './expressions.ts';
import type { Collections } from './documents.ts';
import { answered } from './errors.ts';

export function mongoPresence({ replicas }: Collections): PresenceStore {
  return {
    announce: (replica) =>
      answered('the announcement of this replica', async () => {
        const entry = { $mergeObjects: [literal(replica), { _id: '$_id', last_seen: '$$NOW' }] };
        await replicas.updateOne({ _id: replica.boot }, [{ $replaceWith: entry }], { upsert: true });
      }),

    leave: (boot) =>
      answered('the farewell of this replica', async () => {
        await replicas.deleteOne({ _id: boot });
      }),

    list: (withinMs) =>
      answered('the listing of replicas', async () => {
        return await replicas.find(seenWithin(withinMs)).project<never>({ _id: 0 }).sort({ id: 1, _id: 1 })
          .toArray();
      }),
  };
}

/** The filter for entries that were refreshed in the last `withinMs` of the server's time. */
export function seenWithin(withinMs: number): Document {
  return { $expr: { $gte: ['$last_seen', after('$$NOW', -withinMs)] } };
}
