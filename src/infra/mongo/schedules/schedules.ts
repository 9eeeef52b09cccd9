import type { Document, Filter } from 'mongodb';
import type {
  ScheduleFilter,
  ScheduleQuery,
  ScheduleStore,
} from '../../../actors/schedules/scheduleStore.ts';
import type { Page } from '../../../actors/shared/page.ts';
import { LeaseMissing, NotUnderstoodError } from '../../../actors/shared/storeErrors.ts';
import { decodeCursor, SCHEDULE_KEY, scheduleCursor } from '../../../domain/shared/cursor.ts';
import type { Mark } from '../../../domain/leadership/watermark.ts';
import { problemIn } from '../../../domain/shared/reading.ts';
import { LAST_INSTANT_MS } from '../../../domain/timing/instant.ts';
import type { ListedSchedule } from '../../../domain/schedules/listing.ts';
import { readListed } from '../../../domain/schedules/scheduleReading.ts';
import {
  isUnderstood,
  type NotUnderstood,
  type Schedule,
  type ScheduleSpec,
} from '../../../domain/schedules/schedule.ts';
import { changeOf } from '../../../domain/schedules/scheduleChange.ts';
import { tooManyChanges, tooManySuperseded } from '../../schedules/superseded.ts';
import { endRunsOf } from '../runs/requests.ts';
import { claimBarrier } from '../leadership/barrier.ts';
import { type Collections, LEASE_ID, type ScheduleDoc, toMark, toSchedule } from '../shared/documents.ts';
import { DUPLICATE_KEY, hasCode, storeCall } from '../shared/errors.ts';
import { literal } from '../shared/expressions.ts';
import { summarised } from './scheduleListing.ts';
import { amendment, creation, roomFor, succession } from './scheduleUpdates.ts';

/** The progress rule (progress.ts) would miss a write committed longer than this after it took effect. */
const WRITE_WITHIN_MS = 1000;

const OPTIONS = { returnDocument: 'after', maxTimeMS: WRITE_WITHIN_MS } as const;

/**
 * Time limit of a list. A filter may scan every schedule: 100,000 take a tenth of a second or so,
 * which does not justify indexes that every write would pay for.
 */
const LISTING = { maxTimeMS: 2000 };

/** Compare-and-set retries under contention. */
const MAX_TRIES = 100;

/** Matches a field that older versions did not write. */
const ABSENT = { $exists: false } as unknown as number;

export function mongoSchedules(collections: Collections): ScheduleStore {
  const { schedules } = collections;
  const barrier = claimBarrier(collections);

  /** Must resolve before a definition change is acknowledged. */
  const awaitBarrier = (change: string) =>
    storeCall(
      `the check that no claim in flight predates ${change}, which is stored but can't be acknowledged`,
      barrier,
    );

  return {
    get: (id) =>
      storeCall('the reading of a schedule', async () => {
        const doc = await schedules.findOne({ _id: id });
        return doc && toSchedule(doc);
      }),

    list: (query, nowMs) => storeCall('the listing of schedules', () => pageOf(collections, query, nowMs)),

    count: (filter) =>
      storeCall('the counting of schedules', () => schedules.countDocuments(filterOf(filter), LISTING)),

    create: (id, spec) =>
      storeCall('the creation of a schedule', async () => {
        try {
          // Matches no stored document, whatever its content: the upsert then fails with a duplicate key.
          const absent = { _id: id, revision: { $in: [] } };
          const doc = await schedules.findOneAndUpdate(absent, creation(spec), { ...OPTIONS, upsert: true });
          return toSchedule(doc as ScheduleDoc) as Schedule;
        } catch (error) {
          if (hasCode(error, DUPLICATE_KEY)) return 'conflict';
          throw error;
        }
      }),

    replace: async (id, spec, ifRevision) => {
      const doc = await storeCall(
        'the change of a schedule',
        () => change(collections, id, spec, ifRevision),
      );
      if (doc === null || doc === 'conflict' || !isUnderstood(doc)) return doc;
      await awaitBarrier('the change of the schedule');
      return doc;
    },

    remove: async (id, ifRevision) => {
      const doc = await storeCall('the deletion of a schedule', async () => {
        return await schedules.findOneAndDelete(matching(id, ifRevision), { maxTimeMS: WRITE_WITHIN_MS }) ??
          (await schedules.findOne({ _id: id }) ? 'conflict' : null);
      });
      if (doc === null || doc === 'conflict') return doc;
      await awaitBarrier('the deletion of the schedule');
      // After the barrier: no claim adds another.
      await storeCall(
        'the cancellation of the runs of a schedule that is deleted',
        () => endRunsOf(collections, { id, created_at: doc.created_at }),
      );
      return toSchedule(doc);
    },
  };
}

async function pageOf(
  { schedules }: Collections,
  query: ScheduleQuery,
  nowMs: number,
): Promise<Page<ListedSchedule | NotUnderstood>> {
  const { limit, cursor } = query;
  const filter = filterOf(query);
  const page = cursor === null
    ? filter
    : { $and: [{ _id: { $gt: decodeCursor(cursor, SCHEDULE_KEY)[0] } }, filter] };
  const docs = await schedules.aggregate<Document>([
    { $match: page },
    { $sort: { _id: 1 } },
    { $limit: limit + 1 },
    ...summarised(nowMs),
  ], LISTING).toArray();
  const items = docs.slice(0, limit).map(({ _id, ...doc }) => readListed({ ...doc, id: _id }));
  const last = items.at(-1);
  return { items, nextCursor: last && docs.length > limit ? scheduleCursor(last) : null };
}

/**
 * A compare-and-set on the timing that was read, retried when a concurrent change of the timing
 * wins. Changes of the rest don't conflict.
 */
async function change(
  collections: Collections,
  id: string,
  spec: ScheduleSpec,
  ifRevision: number | undefined,
): Promise<Schedule | NotUnderstood | null | 'conflict'> {
  const { schedules } = collections;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const [doc, mark] = await Promise.all([schedules.findOne({ _id: id }), markFor(collections, id)]);
    if (doc === null) return null;
    const stored = toSchedule(doc);
    if (!isUnderstood(stored)) return stored;
    if (ifRevision !== undefined && stored.revision !== ifRevision) return 'conflict';
    const kind = changeOf(stored, spec);
    if (kind === 'nothing') return stored;
    const asRead = {
      ...matching(id, ifRevision),
      created_at: doc.created_at,
      effective_from: doc.effective_from,
      timing_revision: doc.timing_revision ?? ABSENT,
    };
    const changed = kind === 'rest'
      ? await schedules.findOneAndUpdate(asRead, amendment(spec), OPTIONS)
      : await schedules.findOneAndUpdate(
        { ...asRead, $expr: roomFor(mark) },
        succession(spec, mark),
        OPTIONS,
      );
    if (changed !== null) return toSchedule(changed);
    if (kind === 'timing' && await schedules.findOne(asRead, { projection: { _id: 1 } })) {
      throw tooManySuperseded(id);
    }
  }
  throw tooManyChanges(id);
}

function filterOf({ q, type, tags = [], paused }: ScheduleFilter): Filter<ScheduleDoc> {
  const part = q === undefined ? null : { $regex: q.replaceAll(/[^\p{L}\p{N}]/gu, '\\$&'), $options: 'i' };
  return {
    ...(part && { $or: [{ _id: part as unknown as string }, { name: part }] }),
    ...(type !== undefined && { type }),
    ...(paused !== undefined && { $and: [isPaused(paused)] }),
    ...(tags.length > 0 && { $expr: { $and: tags.map(hasTag) } }),
  };
}

/** A pause may have ended by itself. */
function isPaused(paused: boolean): Filter<ScheduleDoc> {
  const isNotOver = { $gt: [{ $ifNull: ['$pause_until', new Date(LAST_INSTANT_MS)] }, '$$NOW'] };
  return paused
    ? { paused: true, $expr: isNotOver }
    : { $or: [{ paused: false }, { paused: true, $expr: { $not: [isNotOver] } }] };
}

/** A key may contain dots and dollars. */
function hasTag({ key, value }: { key: string; value: string }) {
  return { $eq: [{ $getField: { field: literal(key), input: '$tags' } }, literal(value)] };
}

function matching(id: string, ifRevision: number | undefined) {
  return ifRevision === undefined ? { _id: id } : { _id: id, revision: ifRevision };
}

/** The schedule's mark. It only grows: a stale one keeps too much, never too little. */
async function markFor({ leases }: Collections, id: string): Promise<Mark> {
  const lease = await leases.findOne({ _id: LEASE_ID }, {
    projection: { claimed_through: 1, mirrored_through: 1, set_aside: { $elemMatch: { id } } },
  });
  if (!lease) throw new LeaseMissing();
  const own = lease.set_aside?.[0] ?? lease;
  const problem = problemIn(own, { claimed_through: 'date', mirrored_through: 'date' });
  if (problem !== null) {
    throw new NotUnderstoodError(`this version does not understand the lease document: ${problem}`);
  }
  return toMark(own);
}
