/** Backfills as documents. What becomes of them and of their runs is decided in transactions (backfillSteps.ts). */
import type { Document, Filter } from 'mongodb';
import type { BackfillQuery, BackfillStore } from '../../../actors/runs/backfillStore.ts';
import type { Page } from '../../../actors/shared/page.ts';
import {
  type Backfill,
  MAX_BACKFILLED,
  MAX_STEP,
  missingRunId,
  upcomingOf,
} from '../../../domain/runs/backfill.ts';
import { isCancelRequested } from '../../../domain/runs/life.ts';
import { isUnowned, OPEN_STATES } from '../../../domain/runs/run.ts';
import { backfillCursor, decodeCursor, RUN_KEY } from '../../../domain/shared/cursor.ts';
import type { BackfillDoc, Collections } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import type { Readers } from '../shared/readers.ts';
import { backfillSteps, statesOf } from './backfillSteps.ts';
import type { Transactions } from './requests.ts';
import { LIST_WITHIN_MS } from './runLists.ts';
import { tellReplicas } from './runs.ts';

export function mongoBackfills(
  collections: Collections,
  readers: Readers,
  transactions: Transactions,
): BackfillStore {
  const { backfills, runs } = collections;
  const steps = backfillSteps(transactions, collections, readers);
  return {
    create: (backfill) => storeCall('the creation of a backfill', () => steps.create(backfill)),

    get: (id) =>
      storeCall('the reading of a backfill', async () => {
        const doc = await backfills.findOne({ _id: id });
        return doc && readers.backfill(doc);
      }),

    list: (query) => storeCall('the listing of backfills', () => pageOf(collections, readers, query)),

    running: ({ scheduleId, limit }) =>
      storeCall('the search for running backfills', async () => {
        const filter = {
          state: 'running',
          ...(scheduleId !== undefined && { schedule_id: scheduleId }),
        } as const;
        const docs = await backfills.find(filter).sort({ created_at: 1, _id: 1 }).limit(limit).toArray();
        return readers.backfills(docs);
      }),

    openRuns: (ids) =>
      storeCall('the counting of the open runs of backfills', async () => {
        if (ids.length === 0) return new Map();
        const counts = await runs.aggregate<{ _id: string; count: number }>([
          { $match: { backfill_id: { $in: [...ids] }, state: { $in: [...OPEN_STATES] } } },
          { $group: { _id: '$backfill_id', count: { $sum: 1 } } },
        ]).toArray();
        return new Map(counts.map(({ _id, count }) => [_id, count]));
      }),

    alreadyRun: (backfill) =>
      storeCall('the search for runs of occurrences', async () => {
        const all = upcomingOf(backfill, MAX_BACKFILLED);
        let count = 0;
        for (let start = 0; start < all.length; start += MAX_STEP) {
          const some = all.slice(start, start + MAX_STEP);
          const states = await statesOf(collections, backfill, some);
          count += some.filter((atMs) =>
            missingRunId(backfill, atMs, (id) => states.get(id)) === null
          ).length;
        }
        return count;
      }),

    advance: (id) =>
      storeCall('a step of a backfill', async () => {
        const step = await steps.advance(id);
        if (step === null) return false;
        if (step.insert.some(isUnowned)) await tellReplicas(collections, 'run available');
        if (step.changes.length > 0) await tellReplicas(collections, 'run cancelled');
        return step.hasMore;
      }),

    cancel: (id) =>
      storeCall('the cancellation of a backfill', async () => {
        const done = await steps.cancel(id);
        if (done === null || !('changes' in done)) return done;
        const { changes, ...cancellation } = done;
        if (changes.some(({ run, set }) => isCancelRequested({ ...run, ...set }))) {
          await tellReplicas(collections, 'run cancelled');
        }
        return cancellation;
      }),
  };
}

async function pageOf(
  { backfills }: Collections,
  readers: Readers,
  { scheduleId, limit, cursor }: BackfillQuery,
): Promise<Page<Backfill>> {
  const docs = await backfills.find(filterOf(scheduleId, cursor), { maxTimeMS: LIST_WITHIN_MS })
    .sort({ created_at: -1, _id: -1 }).limit(limit + 1).toArray();
  const page = docs.slice(0, limit);
  const last = page.at(-1);
  return {
    items: readers.backfills(page),
    nextCursor: last && docs.length > limit ? backfillCursor({ ...last, id: last._id }) : null,
  };
}

function filterOf(scheduleId: string, cursor: string | null): Filter<BackfillDoc> {
  const after = cursor === null ? null : decodeCursor(cursor, RUN_KEY);
  const last = after && new Date(after[0]);
  const older: Document = after && last
    ? { created_at: { $lte: last }, $or: [{ created_at: { $lt: last } }, { _id: { $lt: after[1] } }] }
    // A cursor needs comparable keys.
    : { created_at: { $type: 'date' } };
  return { schedule_id: scheduleId, ...older };
}
