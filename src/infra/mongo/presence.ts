/**
 * The entries of the replicas. A heartbeat is an update of `last_seen` only. Every other change replaces the
 * document: a change stream tells a replacement as it was written, however late it is read, and can leave out
 * the heartbeats.
 */
import type { PresenceStore } from '../../actors/ports.ts';
import type { Document } from 'mongodb';
import { changeBy, completed, type Presence, type Replica } from '../../domain/replica.ts';
import { after, literal } from './expressions.ts';
import type { Collections, ReplicaDoc } from './documents.ts';
import { answered } from './errors.ts';

export function mongoPresence({ replicas }: Collections): PresenceStore {
  /** Its last entry says that it left; then there is none. Unless it was seen after `last_seen`. */
  const removal = ({ _id, ...doc }: ReplicaDoc) => {
    const asFound = { _id, last_seen: doc.last_seen };
    const left: Presence = { ...doc, change: 'left', news: 0 };
    return [{ replaceOne: { filter: asFound, replacement: left } }, { deleteOne: { filter: asFound } }];
  };

  return {
    announce: (announced) =>
      answered('the announcement of this replica', async () => {
        const first = {
          ...announced,
          lost_at: null,
          change: 'announced',
          news: announced.transitions.length,
        };
        const beat = { $mergeObjects: [literal(first), '$$ROOT', { last_seen: '$$NOW' }] };
        const stored = await replicas.findOneAndUpdate(
          { _id: announced.boot },
          [{ $replaceWith: beat }],
          { upsert: true, returnDocument: 'after' },
        ) as ReplicaDoc;
        const change = changeBy(completed(stored), announced);
        if (change === null) return;
        const { last_seen } = stored;
        await replicas.replaceOne({ _id: stored._id }, { ...announced, last_seen, lost_at: null, ...change });
      }),

    leave: (boot) =>
      answered('the farewell of this replica', async () => {
        const stored = await replicas.findOne({ _id: boot });
        if (stored) await replicas.bulkWrite(removal(stored));
      }),

    list: (withinMs) =>
      answered('the listing of replicas', async () => {
        const inner = { _id: 0, change: 0, news: 0, transition_count: 0 };
        const found = await replicas.find(seenWithin(withinMs)).project<Replica>(inner).sort({
          id: 1,
          _id: 1,
        })
          .toArray();
        return found.map(completed);
      }),

    sweep: ({ lostAfterMs, goneAfterMs }) =>
      answered('the search for lost replicas', async () => {
        const [lost, gone] = await Promise.all([
          replicas.find({ ...notSeenWithin(lostAfterMs), lost_at: null }).toArray(),
          replicas.find(notSeenWithin(goneAfterMs)).toArray(),
        ]);
        const writes = [
          ...lost.map(({ _id, ...doc }) => {
            const replacement: Presence = { ...doc, lost_at: doc.last_seen, change: 'lost', news: 0 };
            return { replaceOne: { filter: { _id, last_seen: doc.last_seen, lost_at: null }, replacement } };
          }),
          ...gone.flatMap(removal),
        ];
        if (writes.length > 0) await replicas.bulkWrite(writes);
      }),
  };
}

/** The filter for entries that were refreshed in the last `withinMs` of the server's time. */
export function seenWithin(withinMs: number): Document {
  return { $expr: { $gte: ['$last_seen', after('$$NOW', -withinMs)] } };
}

function notSeenWithin(ms: number): Document {
  return { $expr: { $lt: ['$last_seen', after('$$NOW', -ms)] } };
}
