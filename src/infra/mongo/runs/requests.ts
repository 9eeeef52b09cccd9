/**
 * Requested runs, and the runs of a deleted schedule: each request is stored before its schedule is deleted, and
 * then ended with it, or refused. Both sides write the schedule's tally, so that they conflict.
 */
import type { AnyBulkWriteOperation, Collection, Document, Filter, MongoClient, UpdateFilter } from 'mongodb';
import type { Clock, Random } from '../../../actors/shared/environment.ts';
import { isRunOf, OPEN_STATES, type Run, workOf } from '../../../domain/runs/run.ts';
import { BACKFILL_KEPT_MS } from '../../../domain/runs/backfill.ts';
import { overlapping } from '../../../domain/runs/overlap.ts';
import { parseDuration } from '../../../domain/timing/duration.ts';
import { tallyId } from '../../runs/tallies.ts';
import { changing } from './runChanges.ts';
import { overlappingRuns } from './turns.ts';
import {
  type Collections,
  fromRun,
  NO_EXECUTOR,
  type RunDoc,
  type TallyDoc,
  toRun,
} from '../shared/documents.ts';
import type { Readers } from '../shared/readers.ts';
import { inTransaction } from '../shared/transaction.ts';

export const WITHIN_MS = 2500;

export interface Transactions {
  client: MongoClient;
  clock: Clock;
  random: Random;
}

/** One more write of the schedule's tally. */
export const WRITTEN: UpdateFilter<TallyDoc> = { $inc: { writes: 1 } };

/** Stores the run if its schedule exists; false when that is gone. */
export async function storeRequest(
  { client, clock, random }: Transactions,
  collections: Collections,
  readers: Readers,
  run: Run,
): Promise<boolean> {
  const { schedules, runs, tallies } = collections;
  const session = client.startSession();
  try {
    return await inTransaction(
      { op: 'the request of a run', session, withinMs: WITHIN_MS, clock, random },
      async () => {
        const schedule = await schedules.findOne({ _id: run.schedule_id }, {
          session,
          projection: { created_at: 1 },
        });
        const isThere = schedule !== null && isRunOf(run, { ...schedule, id: schedule._id });
        if (!isThere) return { commit: false, value: false };
        if (await runs.findOne({ _id: run.id }, { session, projection: { _id: 1 } })) {
          return { commit: false, value: true };
        }
        const tally = tallyId(run.schedule_id, run.schedule_created_at);
        const open = run.overlap === null
          ? []
          : await overlappingRuns(collections, readers, [run.schedule_id], session);
        const own = open.filter((one) =>
          isRunOf(one, { id: run.schedule_id, created_at: schedule.created_at })
        );
        const decided = overlapping(run, own, run.claimed_at);
        if (decided.changes.length > 0) await runs.bulkWrite(decided.changes.map(changing), { session });
        await runs.insertOne(fromRun(decided.run), { session });
        // Last: a process that dies before the commit leaves it locked for a minute.
        await tallies.updateOne({ _id: tally }, WRITTEN, { session, upsert: true });
        return { commit: true, value: true };
      },
    );
  } finally {
    await session.endSession();
  }
}

/** `endedWithSchedule` for all open runs of a schedule that is deleted, and the end of its backfills. Idempotent. */
export async function endRunsOf(
  { runs, backfills, tallies }: Collections,
  { id, created_at }: { id: string; created_at: Date },
): Promise<void> {
  const tally = tallyId(id, created_at instanceof Date ? created_at : undefined);
  await tallies.updateOne({ _id: tally }, WRITTEN, { upsert: true });
  await updateEach(backfills, { schedule_id: id, schedule_created_at: created_at, state: 'running' }, () => [{
    $set: { state: 'cancelled', finished_at: '$$NOW', expire_at: { $add: ['$$NOW', BACKFILL_KEPT_MS] } },
  }]);
  const isOpen = { schedule_id: id, state: { $in: [...OPEN_STATES] } };
  const isIts = { $or: [{ schedule_created_at: created_at }, { schedule_created_at: { $exists: false } }] };
  const isUnowned = { $eq: ['$executor_boot', NO_EXECUTOR] };
  const end = (name: keyof RunDoc, value: unknown) => ({ [name]: { $cond: [isUnowned, value, `$${name}`] } });
  await updateEach(runs, { ...isOpen, ...isIts }, (doc) => [{
    $set: {
      ...end('state', 'cancelled'),
      ...end('reason', 'schedule_deleted'),
      ...end('waiting_for', null),
      ...end('waiting_schedule', '$$REMOVE'),
      ...end('finished_at', '$$NOW'),
      ...end('expire_at', { $add: ['$$NOW', keptMs(doc)] }),
      is_last_attempt: { $cond: [isUnowned, '$is_last_attempt', true] },
    },
  }]);
  await tallies.deleteOne({ _id: tally });
}

/** One by one, since the driver does not retry an update of many after a change of the primary. */
async function updateEach<D extends { _id: string }>(
  collection: Collection<D>,
  filter: Filter<D>,
  update: (doc: D) => Document[],
): Promise<void> {
  const found = await collection.find(filter).toArray() as D[];
  if (found.length === 0) return;
  const updates = found.map((doc) => ({
    updateOne: { filter: { ...filter, _id: doc._id } as Filter<D>, update: update(doc) },
  }));
  await collection.bulkWrite(updates as AnyBulkWriteOperation<D>[], { ordered: false });
}

/** How long the run is kept once it is cancelled. */
function keptMs(doc: RunDoc): number {
  const run = toRun(doc);
  return parseDuration(workOf('not_understood' in run ? { work: null } : run).history.failure);
}
