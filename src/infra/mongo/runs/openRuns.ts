/** Searches among the open runs: those that an executor may take, has to cancel, or has left behind. */
import type { Filter } from 'mongodb';
import type { RunStore } from '../../../actors/runs/runStore.ts';
import { OPEN_STATES } from '../../../domain/runs/run.ts';
import { RUN_FIELDS } from '../../../domain/runs/runReading.ts';
import { heartbeatWithin } from '../membership/presence.ts';
import { type Collections, NO_EXECUTOR, type RunDoc } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import { isUnderstood, type Readers } from '../shared/readers.ts';
import { LIST_WITHIN_MS } from './runLists.ts';

/** Searches per look for what the others leave out, and how many runs a report of them has at most. */
const LOOK_EVERY = 60;
const MAX_REPORTED = 20;

/** Exactly the range of the partial indexes, so that they need no further filter. */
const TAKEABLE = { waiting_schedule: { $gt: '' } };

type OpenRuns = Pick<RunStore, 'available' | 'waiting' | 'toCancel' | 'orphans'>;

export function openRuns({ runs, replicas }: Collections, readers: Readers): OpenRuns {
  let searches = 0;

  /** Reports open runs that the searches skip. */
  const reportNotUnderstood = async () => {
    const filter = { state: { $in: [...OPEN_STATES] }, $expr: { $not: [isUnderstood(RUN_FIELDS)] } };
    const options = { maxTimeMS: LIST_WITHIN_MS };
    readers.runs(await runs.find(filter, options).limit(MAX_REPORTED).toArray());
  };

  /** Older versions, one of which may still run, did not write what the search for available runs goes by. */
  const revealOlder = async () => {
    const filter = {
      executor_boot: NO_EXECUTOR,
      state: { $in: [...OPEN_STATES] },
      waiting_for: { $exists: false },
    };
    await runs.updateMany(filter as Filter<RunDoc>, [{
      $set: {
        waiting_for: 'place',
        waiting_schedule: '$schedule_id',
        available_at: { $ifNull: ['$available_at', '$scheduled_for'] },
      },
    }]);
  };

  /** A distinct scan: one key and one document for each schedule, however many runs of it wait. */
  const heads = (availableAt: Date, limit: number) =>
    runs.aggregate<RunDoc>([
      { $match: TAKEABLE },
      { $sort: { waiting_schedule: 1, available_at: 1, _id: 1 } },
      { $group: { _id: '$waiting_schedule', run: { $first: '$$ROOT' } } },
      { $match: { 'run.available_at': { $lte: availableAt } } },
      // One that is not understood hides the others of its schedule here, which the oldest of all make up for.
      { $replaceRoot: { newRoot: '$run' } },
      { $match: { $expr: isUnderstood(RUN_FIELDS) } },
      { $sort: { available_at: 1 } },
      { $limit: limit },
    ]).toArray();

  return {
    available: ({ availableAt, limit }) =>
      storeCall('the search for available runs', async () => {
        const waiting = (at: Filter<RunDoc>['available_at'], most: number) =>
          runs.find({ ...TAKEABLE, available_at: at as Date, $expr: isUnderstood(RUN_FIELDS) })
            .sort({ available_at: 1, _id: 1 }).limit(most).toArray();
        const [oldest, [next]] = await Promise.all([
          waiting({ $lte: availableAt }, limit),
          waiting({ $gt: availableAt }, 1),
        ]);
        // The oldest are all there are, unless they fill the page.
        const first = oldest.length < limit ? [] : await heads(availableAt, limit);
        const found = new Map([...oldest, ...first].map((doc) => [doc._id, doc]));
        return { runs: readers.runs([...found.values()]), nextAt: next?.available_at ?? null };
      }),

    waiting: () =>
      storeCall('the counting of waiting runs', async () => {
        const counted = await runs.aggregate<{ _id: string; count: number }>([
          { $match: TAKEABLE },
          { $group: { _id: '$waiting_schedule', count: { $sum: 1 } } },
        ]).toArray();
        return new Map(counted.map(({ _id, count }) => [_id, count]));
      }),

    toCancel: (boot) =>
      storeCall('the search for runs to cancel', async () => {
        const state = { $in: [...OPEN_STATES] };
        const docs = await runs.find({
          executor_boot: boot,
          state,
          is_last_attempt: true,
          reason: { $ne: null },
        })
          .toArray();
        return readers.runs(docs);
      }),

    orphans: ({ exceptBoot, deadAfterMs, limit }) =>
      storeCall('the search for orphaned runs', async () => {
        if (searches++ % LOOK_EVERY === 0) await Promise.all([reportNotUnderstood(), revealOlder()]);
        const alive = await replicas.find(heartbeatWithin(deadAfterMs)).project<{ _id: string }>({ _id: 1 })
          .toArray();
        const filter = {
          state: { $in: [...OPEN_STATES] },
          executor_boot: { $nin: [NO_EXECUTOR, exceptBoot, ...alive.map(({ _id }) => _id)] },
          $expr: isUnderstood(RUN_FIELDS),
        };
        return readers.runs(
          await runs.find(filter).sort({ scheduled_for: 1, _id: 1 }).limit(limit).toArray(),
        );
      }),
  };
}
