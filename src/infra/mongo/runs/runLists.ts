/** Lists of runs: pages, and the newest runs of given schedules. */
import type { Filter } from 'mongodb';
import type { RunQuery, RunStore, ScheduleKey } from '../../../actors/runs/runStore.ts';
import { isRunOf, type Run, summaryOf } from '../../../domain/runs/run.ts';
import { RUN_FIELDS } from '../../../domain/runs/runReading.ts';
import { decodeCursor, RUN_KEY, runCursor } from '../../../domain/shared/cursor.ts';
import type { Collections, RunDoc } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import type { Readers } from '../shared/readers.ts';

/** Range of a JavaScript date. */
const FIRST = new Date(-8.64e15);
const LAST = new Date(8.64e15);

/** Time limit of a list, whatever its query. */
export const LIST_WITHIN_MS = 2000;

/** Projection of a run summary, with what it takes to understand a run and to match its schedule. */
const SUMMARY = {
  ...Object.fromEntries(Object.keys(RUN_FIELDS).filter((name) => name !== 'id').map((name) => [name, 1])),
  ...{ lateness_ms: 1, schedule_created_at: 1 },
};

type RunLists = Pick<RunStore, 'list' | 'latest' | 'recent'>;

export function runLists(collections: Collections, readers: Readers): RunLists {
  const { runs, schedules } = collections;
  return {
    list: (query) =>
      storeCall('the listing of runs', async () => {
        const { limit } = query;
        const docs = await runs.find(filterOf(query), { maxTimeMS: LIST_WITHIN_MS })
          .sort({ scheduled_for: -1, _id: -1 }).limit(limit + 1).toArray();
        const page = docs.slice(0, limit);
        const last = page.at(-1);
        return {
          items: readers.runs(page),
          nextCursor: last && docs.length > limit ? runCursor({ ...last, id: last._id }) : null,
        };
      }),

    latest: (of) =>
      storeCall('the reading of the latest runs', async () => {
        const newest = await runs.aggregate<{ run: RunDoc }>([
          { $match: { schedule_id: { $in: of.map(({ id }) => id) } } },
          { $sort: { schedule_id: 1, scheduled_for: -1, _id: -1 } },
          { $group: { _id: '$schedule_id', run: { $first: '$$ROOT' } } },
        ]).toArray();
        const found = new Map(
          readers.runs(newest.map(({ run }) => run)).map((run) => [run.schedule_id, [run]]),
        );
        const own = await ownOf(collections, readers, of, found, 1);
        return new Map([...own].map(([id, [run]]) => [id, run as Run]));
      }),

    recent: (of, limit) =>
      storeCall('the reading of recent runs', async () => {
        const newest = { $sort: { scheduled_for: -1, _id: -1 } };
        const docs = await schedules.aggregate<{ _id: string; runs: RunDoc[] }>([
          { $match: { _id: { $in: of.map(({ id }) => id) } } },
          {
            $lookup: {
              from: runs.collectionName,
              localField: '_id',
              foreignField: 'schedule_id',
              pipeline: [newest, { $limit: limit }, { $project: SUMMARY }],
              as: 'runs',
            },
          },
          { $project: { runs: 1 } },
        ], { maxTimeMS: LIST_WITHIN_MS }).toArray();
        const found = new Map(docs.map(({ _id, runs }) => [_id, readers.runs(runs)]));
        const own = await ownOf(collections, readers, of, found, limit);
        return new Map([...own].map(([id, runs]) => [id, runs.map(summaryOf)]));
      }),
  };
}

/**
 * The newest `limit` runs of each schedule, given those of its id. Where those include runs of an
 * earlier schedule, which is rare, a further query finds its own.
 */
async function ownOf(
  { runs }: Collections,
  readers: Readers,
  of: readonly ScheduleKey[],
  newestOfId: ReadonlyMap<string, Run[]>,
  limit: number,
): Promise<Map<string, Run[]>> {
  const own = await Promise.all(of.map(async (schedule) => {
    const newest = newestOfId.get(schedule.id) ?? [];
    if (newest.every((run) => isRunOf(run, schedule))) return [schedule.id, newest] as const;
    const docs = await runs.find(ownRuns(schedule), { maxTimeMS: LIST_WITHIN_MS })
      .sort({ scheduled_for: -1, _id: -1 }).limit(limit).toArray();
    return [schedule.id, readers.runs(docs)] as const;
  }));
  return new Map(own.filter(([, found]) => found.length > 0));
}

/**
 * `isRunOf` as a filter. No run is for a time before its schedule's creation: the index scan begins
 * there.
 */
function ownRuns({ id, created_at }: ScheduleKey): Filter<RunDoc> {
  return {
    schedule_id: id,
    scheduled_for: { $gte: created_at },
    $or: [
      { schedule_created_at: created_at },
      { schedule_created_at: { $exists: false }, claimed_at: { $gte: created_at } },
    ],
  };
}

/** The bounds on `scheduled_for` are top-level, so that they bound the index scan. */
function filterOf({ scheduleId, states, from, to, cursor }: RunQuery): Filter<RunDoc> {
  const after = cursor === null ? null : decodeCursor(cursor, RUN_KEY);
  const last = after && new Date(after[0]);
  return {
    ...(scheduleId !== undefined && { schedule_id: scheduleId }),
    ...(states !== undefined && { state: { $in: [...states] } }),
    // A cursor needs comparable keys: only dates and strings.
    _id: { $type: 'string' },
    scheduled_for: {
      ...{ $gte: from ?? FIRST, $lte: last ?? LAST },
      ...(to && { $lt: to }),
    },
    ...(after && last && { $or: [{ scheduled_for: { $lt: last } }, { _id: { $lt: after[1] } }] }),
  };
}
