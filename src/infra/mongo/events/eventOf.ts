/** Maps changes of documents to events of the cluster. */
import type { ChangeStreamDocument, Document } from 'mongodb';
import { type ClusterEvent, replicaEvent } from '../../../domain/events/event.ts';
import { ENDED_STATES } from '../../../domain/runs/run.ts';
import {
  type ReplicaDoc,
  type RunDoc,
  type ScheduleDoc,
  type TermDoc,
  toSchedule,
} from '../shared/documents.ts';
import { leaderChangeIn, setBackIn } from '../leadership/leaseEvents.ts';
import type { Readers } from '../shared/readers.ts';

const WRITES = { $in: ['insert', 'update', 'replace'] };
const ENDINGS = ['drop', 'rename', 'dropDatabase', 'invalidate'];
const COLLECTIONS = ['leases', 'leadership', 'replicas', 'schedules', 'runs'];

/**
 * The server-side filter. The first stage needs no look-up of a document, so the server looks up
 * only what passes it: not the frequent updates, of the lease and the heartbeats.
 */
export const EVENTS: Document[] = [
  {
    $match: {
      $or: [
        { 'ns.coll': 'leases', 'updateDescription.updatedFields.term': { $exists: true } },
        { 'ns.coll': 'leases', 'updateDescription.updatedFields.released_at': { $exists: true } },
        { 'ns.coll': 'leases', 'updateDescription.updatedFields.set_back_told': { $exists: true } },
        // The oplog may record a large update as a replacement.
        { 'ns.coll': 'leases', operationType: 'replace' },
        { 'ns.coll': 'leadership', operationType: WRITES },
        { 'ns.coll': 'replicas', operationType: { $in: ['insert', 'replace'] } },
        { 'ns.coll': 'schedules', operationType: WRITES },
        { 'ns.coll': 'schedules', operationType: 'delete' },
        { 'ns.coll': 'runs', operationType: 'insert' },
        { 'ns.coll': 'runs', 'updateDescription.updatedFields.state': { $in: ENDED_STATES } },
        { 'ns.coll': { $in: COLLECTIONS }, operationType: { $in: ENDINGS } },
        { operationType: { $in: ['dropDatabase', 'invalidate'] } },
      ],
    },
  },
  {
    $match: {
      $or: [
        { 'ns.coll': { $ne: 'runs' } },
        { operationType: { $ne: 'insert' } },
        { 'fullDocument.state': { $in: ENDED_STATES } },
      ],
    },
  },
];

/** Whether the stream can neither continue nor be resumed after this change. */
export function endsHistory({ operationType }: ChangeStreamDocument): boolean {
  return ENDINGS.includes(operationType);
}

/** The event for a change; null if there is none. */
export function eventOf(change: ChangeStreamDocument, readers: Readers): ClusterEvent | null {
  if (!('ns' in change) || !('coll' in change.ns) || !('documentKey' in change)) return null;
  const doc = 'fullDocument' in change ? change.fullDocument ?? null : null;
  switch (change.ns.coll) {
    case 'leases': {
      const written = change.operationType === 'update' ? change.updateDescription.updatedFields : doc;
      const part = leaderChangeIn(written ?? undefined);
      const leaderChange = part && readers.leaderChange(part);
      if (leaderChange !== null) return { type: 'leader', ...leaderChange };
      const set_back = setBackIn(written ?? undefined);
      return set_back && { type: 'clock', set_back };
    }
    case 'leadership': {
      const term = doc && readers.term(doc as TermDoc);
      return term && { type: 'leadership', term };
    }
    case 'replicas': {
      const presence = doc && readers.replica(doc as ReplicaDoc);
      return presence && replicaEvent(presence);
    }
    case 'schedules':
      return scheduleEvent(change.operationType, change.documentKey as unknown as { _id: string }, doc);
    case 'runs': {
      const [run] = doc ? readers.runs([doc as RunDoc]) : [];
      return run ? { type: 'run', run } : null;
    }
    default:
      return null;
  }
}

function scheduleEvent(operation: string, { _id: id }: { _id: string }, doc: Document | null): ClusterEvent {
  const change = operation === 'insert' ? 'created' : operation === 'delete' ? 'deleted' : 'updated';
  return { type: 'schedule', change, id, schedule: doc && toSchedule(doc as ScheduleDoc) };
}
