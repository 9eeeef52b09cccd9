import type { Filter } from 'mongodb';
import {
  LeaseMissing,
  NotUnderstoodError,
  type ScheduleQuery,
  type ScheduleStore,
} from '../../actors/ports.ts';
import { decodeCursor, encodeCursor } from '../../domain/cursor.ts';
import { problemIn } from '../../domain/reading.ts';
import type { Schedule } from '../../domain/schedule.ts';
import { tooManySuperseded } from '../superseded.ts';
import { claimBarrier } from './barrier.ts';
import { type Collections, LEASE_ID, type ScheduleDoc, toSchedule } from './documents.ts';
import { answered, DUPLICATE_KEY, hasCode } from './errors.ts';
import { literal } from './expressions.ts';
import { creation, roomFor, succession } from './scheduleUpdates.ts';

/**
 * A write that took effect earlier than this before it was committed would be missed by the progress rule
 * (progress.ts).
 */
const WRITE_WITHIN_MS = 1000;

const OPTIONS = { returnDocument: 'after', maxTimeMS: WRITE_WITHIN_MS } as const;

/**
 * A list takes no longer than this. A filter may have to look at every schedule: of 100,000 that takes a tenth of a
 * second or so, which does not justify indexes that every write would pay for.
 */
const LISTING = { maxTimeMS: 2000 };

export function mongoSchedules(collections: Collections): ScheduleStore {
  const { schedules } = collections;
  const barrier = claimBarrier(collections);

  /** Before a change of a definition may be acknowledged. */
  const inForce = (change: string) =>
    answered(
      `the check that no claim in flight predates ${change}, which is stored but can't be acknowledged`,
      barrier,
    );

  return {
    get: (id) =>
      answered('the reading of a schedule', async () => {
        const doc = await schedules.findOne({ _id: id });
        return doc && toSchedule(doc);
      }),

    list: (query) =>
      answered('the listing of schedules', async () => {
        const { limit, cursor } = query;
        const filter = filterOf(query);
        const page = cursor === null
          ? filter
          : { $and: [{ _id: { $gt: decodeCursor(cursor, ['string'])[0] } }, filter] };
        const [docs, total] = await Promise.all([
          schedules.find(page, LISTING).sort({ _id: 1 }).limit(limit + 1).toArray(),
          schedules.countDocuments(filter, LISTING),
        ]);
        const items = docs.slice(0, limit).map(toSchedule);
        const last = items.at(-1);
        return { items, total, nextCursor: last && docs.length > limit ? encodeCursor([last.id]) : null };
      }),

    create: (id, spec) =>
      answered('the creation of a schedule', async () => {
        try {
          // Never matches a stored one, so that the upsert trips over its id.
          const absent = { _id: id, revision: { $exists: false } };
          const doc = await schedules.findOneAndUpdate(absent, creation(spec), { ...OPTIONS, upsert: true });
          return toSchedule(doc as ScheduleDoc);
        } catch (error) {
          if (hasCode(error, DUPLICATE_KEY)) return 'conflict';
          throw error;
        }
      }),

    replace: async (id, spec, ifRevision) => {
      const doc = await answered('the change of a schedule', async () => {
        const settled = await settledThrough(collections);
        const filter = { ...matching(id, ifRevision), $expr: roomFor(settled) };
        return await schedules.findOneAndUpdate(filter, succession(spec, settled), OPTIONS) ??
          await whyNot(collections, id, ifRevision);
      });
      if (doc === null || doc === 'conflict') return doc;
      await inForce('the change of the schedule');
      return toSchedule(doc);
    },

    remove: async (id, ifRevision) => {
      const doc = await answered('the deletion of a schedule', async () => {
        return await schedules.findOneAndDelete(matching(id, ifRevision), { maxTimeMS: WRITE_WITHIN_MS }) ??
          (await schedules.findOne({ _id: id }) ? 'conflict' : null);
      });
      if (doc === null || doc === 'conflict') return doc;
      await inForce('the deletion of the schedule');
      return toSchedule(doc);
    },
  };
}

function filterOf({ q, type, tag, paused }: ScheduleQuery): Filter<ScheduleDoc> {
  const part = q === undefined ? null : { $regex: q.replaceAll(/[^\p{L}\p{N}]/gu, '\\$&'), $options: 'i' };
  return {
    ...(part && { $or: [{ _id: part as unknown as string }, { name: part }] }),
    ...(type !== undefined && { type }),
    ...(paused !== undefined && { paused }),
    // A key may have dots and dollars.
    ...(tag &&
      { $expr: { $eq: [{ $getField: { field: literal(tag.key), input: '$tags' } }, literal(tag.value)] } }),
  };
}

function matching(id: string, ifRevision: number | undefined) {
  return ifRevision === undefined ? { _id: id } : { _id: id, revision: ifRevision };
}

/** The watermark. It only grows, so that one read a moment ago makes too much be kept, never too little. */
async function settledThrough({ leases }: Collections): Promise<Date> {
  const lease = await leases.findOne({ _id: LEASE_ID }, {
    projection: { claimed_through: 1, mirrored_through: 1 },
  });
  if (!lease) throw new LeaseMissing();
  const problem = problemIn(lease, { claimed_through: 'date', mirrored_through: 'date' });
  if (problem !== null) {
    throw new NotUnderstoodError(`this version does not understand the lease document: ${problem}`);
  }
  return new Date(Math.min(lease.claimed_through.getTime(), lease.mirrored_through.getTime()));
}

async function whyNot(
  { schedules }: Collections,
  id: string,
  ifRevision: number | undefined,
): Promise<null | 'conflict'> {
  const stored: Pick<Schedule, 'revision'> | null = await schedules.findOne({ _id: id }, {
    projection: { revision: 1 },
  });
  if (!stored) return null;
  if (ifRevision !== undefined && stored.revision !== ifRevision) return 'conflict';
  throw tooManySuperseded(id);
}
