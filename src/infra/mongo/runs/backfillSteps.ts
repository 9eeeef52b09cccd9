/**
 * The transactions of backfills. Each one writes the schedule's tally, as claims, requests and turns do: so they
 * exclude each other, and the deletion of the schedule ends what they have made.
 */
import type { ClientSession } from 'mongodb';
import { type Cancellation, MAX_RUNNING } from '../../../actors/runs/backfillStore.ts';
import { LeaseMissing } from '../../../actors/shared/storeErrors.ts';
import { settledThroughMs } from '../../../domain/firing/owed.ts';
import { markOf } from '../../../domain/leadership/watermark.ts';
import {
  type Backfill,
  type BackfillStep,
  finished,
  nextStep,
  recordIds,
  upcomingOf,
} from '../../../domain/runs/backfill.ts';
import { cancelled, isCancelRequested, type RunChange } from '../../../domain/runs/life.ts';
import { OPEN_STATES, type RunState } from '../../../domain/runs/run.ts';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../../domain/schedules/schedule.ts';
import { tallyId } from '../../runs/tallies.ts';
import { type Collections, fromBackfill, fromRun, LEASE_ID, toSchedule } from '../shared/documents.ts';
import type { Readers } from '../shared/readers.ts';
import { inTransaction, type Step } from '../shared/transaction.ts';
import { type Transactions, WITHIN_MS, WRITTEN } from './requests.ts';
import { changing } from './runChanges.ts';
import { overlappingRuns, serverNow } from './turns.ts';

const OPEN = { state: { $in: [...OPEN_STATES] } };

export function backfillSteps(
  { client, clock, random }: Transactions,
  collections: Collections,
  readers: Readers,
) {
  const { backfills, runs, schedules, tallies } = collections;

  const transaction = async <T>(
    op: string,
    body: (session: ClientSession) => Promise<Step<T>>,
  ): Promise<T> => {
    const session = client.startSession();
    try {
      return await inTransaction({ op, session, withinMs: WITHIN_MS, clock, random }, () => body(session));
    } finally {
      await session.endSession();
    }
  };
  const writeTally = (of: Backfill, session: ClientSession) =>
    tallies.updateOne({ _id: tallyId(of.schedule_id, of.schedule_created_at) }, WRITTEN, {
      session,
      upsert: true,
    });
  const isThere = async (of: Backfill, session: ClientSession) => {
    const options = { session, projection: { created_at: 1 } } as const;
    const doc = await schedules.findOne({ _id: of.schedule_id }, options);
    return doc?.created_at instanceof Date && doc.created_at.getTime() === of.schedule_created_at.getTime();
  };

  return {
    create: (backfill: Backfill) =>
      transaction<'created' | 'gone' | 'full'>('the creation of a backfill', async (session) => {
        if (!await isThere(backfill, session)) return { commit: false, value: 'gone' };
        const options = { session, projection: { _id: 1 } } as const;
        const stored = await backfills.findOne({ _id: backfill.id }, options);
        if (stored) return { commit: false, value: 'created' };
        const running = await backfills.find({ state: 'running' }, options).limit(MAX_RUNNING).toArray();
        if (running.length === MAX_RUNNING) return { commit: false, value: 'full' };
        await writeTally(backfill, session);
        await backfills.insertOne(fromBackfill(backfill), { session });
        return { commit: true, value: 'created' };
      }),

    /** Null when nothing was to be done. */
    advance: (id: string) =>
      transaction<BackfillStep | null>('a step of a backfill', async (session) => {
        const doc = await backfills.findOne({ _id: id }, { session });
        const backfill = doc && readers.backfill(doc);
        if (!backfill || !isUnderstood(backfill) || backfill.state !== 'running') {
          return { commit: false, value: null };
        }
        const step = await isThere(backfill, session)
          ? await planned(collections, readers, session, backfill)
          : endedWithSchedule(await serverNow(collections, session));
        if (step === null) return { commit: false, value: null };
        await writeTally(backfill, session);
        if (step.changes.length > 0) await runs.bulkWrite(step.changes.map(changing), { session });
        if (step.insert.length > 0) await runs.insertMany(step.insert.map(fromRun), { session });
        await backfills.updateOne({ _id: id }, { $set: step.set }, { session });
        return { commit: true, value: step };
      }),

    cancel: (id: string) =>
      transaction<Cancellation & { changes: RunChange[] } | NotUnderstood | null>(
        'the cancellation of a backfill',
        async (session) => {
          const doc = await backfills.findOne({ _id: id }, { session });
          const backfill = doc && readers.backfill(doc);
          if (!backfill || !isUnderstood(backfill)) return { commit: false, value: backfill };
          if (backfill.state !== 'running') {
            return { commit: false, value: { backfill, isNew: false, changes: [] } };
          }
          const at = await serverNow(collections, session);
          const open = readers.runs(await runs.find({ backfill_id: id, ...OPEN }, { session }).toArray());
          const changes = open.filter((run) => !isCancelRequested(run))
            .map((run) => cancelled(run, 'requested', at));
          await writeTally(backfill, session);
          if (changes.length > 0) await runs.bulkWrite(changes.map(changing), { session });
          const end = finished('cancelled', at);
          await backfills.updateOne({ _id: id }, { $set: end }, { session });
          return { commit: true, value: { backfill: { ...backfill, ...end }, isNew: true, changes } };
        },
      ),
  };
}

async function planned(
  collections: Collections,
  readers: Readers,
  session: ClientSession,
  backfill: Backfill,
): Promise<BackfillStep | null> {
  const { schedules, runs, leases } = collections;
  const { id, schedule_id, schedule_created_at, overlap } = backfill;
  const doc = await schedules.findOne({ _id: schedule_id }, { session });
  const schedule = doc && toSchedule(doc);
  // One that this version does not understand waits for another.
  if (!schedule || !isUnderstood<Schedule>(schedule)) return null;
  const lease = await leases.findOne({ _id: LEASE_ID }, { session });
  if (!lease) throw new LeaseMissing();
  const states = await statesOf(collections, backfill, upcomingOf(backfill), session);
  const open = overlap === 'allow' ? [] : await overlappingRuns(collections, readers, [schedule_id], session);
  const key = tallyId(schedule_id, schedule_created_at);
  return nextStep(backfill, {
    open: await runs.countDocuments({ backfill_id: id, ...OPEN }, { session }),
    overlapping: open.filter((run) => tallyId(run.schedule_id, run.schedule_created_at) === key),
    stateOf: (runId) => states.get(runId),
    settledThroughMs: settledThroughMs(schedule, markOf(readers.lease(lease).watermark, schedule_id)),
    at: await serverNow(collections, session),
  });
}

function endedWithSchedule(at: Date): BackfillStep {
  return { insert: [], changes: [], set: finished('cancelled', at), hasMore: false };
}

/** The states of the stored records of these occurrences, by id. */
export async function statesOf(
  { runs }: Collections,
  backfill: Backfill,
  occurrencesMs: readonly number[],
  session?: ClientSession,
): Promise<Map<string, RunState>> {
  const ids = occurrencesMs.flatMap((atMs) => recordIds(backfill, atMs));
  if (ids.length === 0) return new Map();
  const options = { projection: { state: 1 }, ...(session && { session }) } as const;
  const found = await runs.find({ _id: { $in: ids } }, options).toArray();
  return new Map(found.map(({ _id, state }) => [_id, state]));
}
