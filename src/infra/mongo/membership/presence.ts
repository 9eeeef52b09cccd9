/**
 * The entries of the replicas. A heartbeat updates `last_seen` and `places` only. Every other change replaces
 * the document: a change stream delivers a replacement as it was written, however late it is read,
 * and can filter out the heartbeats.
 */
import type { PresenceStore } from '../../../actors/membership/presenceStore.ts';
import type { Document } from 'mongodb';
import { changeBy, type Presence, replicaOf } from '../../../domain/membership/replica.ts';
import { after, literal } from '../shared/expressions.ts';
import type { Collections, ReplicaDoc } from '../shared/documents.ts';
import type { Readers } from '../shared/readers.ts';
import { storeCall } from '../shared/errors.ts';

export function mongoPresence({ replicas }: Collections, readers: Readers): PresenceStore {
  return {
    announce: (announced) =>
      storeCall('the announcement of this replica', async () => {
        const first = {
          ...announced,
          lost_at: null,
          change: 'announced',
          news: announced.transitions.length,
        };
        const beat = { last_seen: '$$NOW', places: literal(announced.places) };
        const heard = { $mergeObjects: [literal(first), '$$ROOT', beat] };
        const stored = await replicas.findOneAndUpdate(
          { _id: announced.boot },
          [{ $replaceWith: heard }],
          { upsert: true, returnDocument: 'after' },
        ) as ReplicaDoc;
        const entry = readers.replica(stored);
        // If our own entry is not understood, it is rewritten.
        const change = entry
          ? changeBy(entry, announced)
          : { change: 'announced' as const, news: first.news };
        if (change === null) return;
        const { last_seen } = stored;
        await replicas.replaceOne({ _id: stored._id }, { ...announced, last_seen, lost_at: null, ...change });
      }),

    leave: (boot) =>
      storeCall('the deletion of the entry of this replica', async () => {
        const stored = await replicas.findOne({ _id: boot });
        if (stored) await replicas.bulkWrite(removal(stored));
      }),

    list: (withinMs) =>
      storeCall('the listing of replicas', async () => {
        const docs = await replicas.find(heartbeatWithin(withinMs)).sort({ id: 1, _id: 1 }).toArray();
        return docs.flatMap((doc) => readers.replica(doc) ?? []).map(replicaOf);
      }),

    sweep: ({ lostAfterMs, goneAfterMs }) =>
      storeCall('the search for lost replicas', async () => {
        const [lost, gone] = await Promise.all([
          replicas.find({ ...noHeartbeatWithin(lostAfterMs), lost_at: null }).toArray(),
          replicas.find(noHeartbeatWithin(goneAfterMs)).toArray(),
        ]);
        const isOurs = (doc: ReplicaDoc) => readers.replica(doc) !== null;
        const writes = [
          ...lost.filter(isOurs).map(({ _id, ...doc }) => {
            const replacement: Presence = { ...doc, lost_at: doc.last_seen, change: 'lost', news: 0 };
            return { replaceOne: { filter: { _id, last_seen: doc.last_seen, lost_at: null }, replacement } };
          }),
          ...gone.filter(isOurs).flatMap(removal),
        ];
        if (writes.length > 0) await replicas.bulkWrite(writes);
      }),
  };
}

/** Writes `left` as the last entry, then deletes it, unless a heartbeat came after `last_seen`. */
function removal({ _id, ...doc }: ReplicaDoc) {
  const asFound = { _id, last_seen: doc.last_seen };
  const left: Presence = { ...doc, change: 'left', news: 0 };
  return [{ replaceOne: { filter: asFound, replacement: left } }, { deleteOne: { filter: asFound } }];
}

/**
 * The filter for entries with a heartbeat within the last `withinMs` of the server's clock. An entry
 * further in the future predates a set-back of that clock: a live replica has announced itself
 * since.
 */
export function heartbeatWithin(withinMs: number): Document {
  return { $expr: isRecent(withinMs) };
}

function noHeartbeatWithin(ms: number): Document {
  return { $expr: { $not: [isRecent(ms)] } };
}

function isRecent(withinMs: number): Document {
  const since = { $gte: ['$last_seen', after('$$NOW', -withinMs)] };
  return { $and: [since, { $lte: ['$last_seen', after('$$NOW', withinMs)] }] };
}
