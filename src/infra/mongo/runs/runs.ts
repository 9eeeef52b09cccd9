import type { Condition, Filter } from 'mongodb';
import type { RunQuery, RunStore, ScheduleKey } from '../../../actors/runs/runStore.ts';
import { decodeCursor, RUN_KEY, runCursor } from '../../../domain/shared/cursor.ts';
import { adopted, adoptedBy, type Adopter, type Adoption } from '../../../domain/runs/adoption.ts';
import {
  isEndedBy,
  isRunOf,
  NOBODY,
  OPEN_STATES,
  type Outcome,
  type Run,
  type RunSummary,
} from '../../../domain/runs/run.ts';
import { RUN_NEEDS } from '../../../domain/runs/runReading.ts';
import { type Collections, fromRun, NOTIFICATION_ID, type RunDoc } from '../shared/documents.ts';
import { answered } from '../shared/errors.ts';
import { seenWithin } from '../membership/presence.ts';
import { isUnderstood, type Readers } from '../shared/readers.ts';

/** Range of a JavaScript date. */
const FIRST = new Date(-8.64e15);
const LAST = new Date(8.64e15);

/** Time limit of a list, whatever its query. */
const LIST_WITHIN_MS = 2000;

/** Projection of a run summary, with what it takes to understand a run and to match its schedule. */
const IN_SHORT = {
  ...Object.fromEntries(Object.keys(RUN_NEEDS).filter((name) => name !== 'id').map((name) => [name, 1])),
  ...{ lateness_ms: 1, schedule_created_at: 1 },
};

/** Orphan searches per search for runs that are not understood, and how many of those it reports. */
const MISFITS_EVERY = 60;
const MISFITS_TOLD = 20;

export function mongoRuns(
  { runs, replicas, schedules, notifications }: Collections,
  readers: Readers,
): RunStore {
  let searches = 0;
  /** Reports, now and then, open runs that `orphans` skips. */
  const tellMisfits = async () => {
    if (searches++ % MISFITS_EVERY !== 0) return;
    const filter = { state: { $in: [...OPEN_STATES] }, $expr: { $not: [isUnderstood(RUN_NEEDS)] } };
    const options = { maxTimeMS: LIST_WITHIN_MS };
    readers.runs(await runs.find(filter, options).limit(MISFITS_TOLD).toArray());
  };

  /**
   * The newest `limit` runs of each schedule, given those of its id. Where those include runs of an
   * earlier schedule, which is rare, a further query finds its own.
   */
  async function ownOf(
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

  return {
    list: (query) =>
      answered('the listing of runs', async () => {
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

    get: (id) =>
      answered('the reading of a run', async () => {
        const doc = await runs.findOne({ _id: id });
        return doc && readers.run(doc);
      }),

    request: (run) =>
      answered('the request of a run', async () => {
        await runs.insertOne(fromRun(run));
        // Only a hint: without it the run starts a little later.
        await notifications.updateOne({ _id: NOTIFICATION_ID }, { $inc: { rung: 1 } }, { upsert: true })
          .catch(() => {});
      }),

    latest: (of) =>
      answered('the reading of the latest runs', async () => {
        const newest = await runs.aggregate<{ run: RunDoc }>([
          { $match: { schedule_id: { $in: of.map(({ id }) => id) } } },
          { $sort: { schedule_id: 1, scheduled_for: -1, _id: -1 } },
          { $group: { _id: '$schedule_id', run: { $first: '$$ROOT' } } },
        ]).toArray();
        const found = new Map(
          readers.runs(newest.map(({ run }) => run)).map((run) => [run.schedule_id, [run]]),
        );
        const own = await ownOf(of, found, 1);
        return new Map([...own].map(([id, [run]]) => [id, run as Run]));
      }),

    recent: (of, limit) =>
      answered('the reading of recent runs', async () => {
        const newest = { $sort: { scheduled_for: -1, _id: -1 } };
        const docs = await schedules.aggregate<{ _id: string; runs: RunDoc[] }>([
          { $match: { _id: { $in: of.map(({ id }) => id) } } },
          {
            $lookup: {
              from: runs.collectionName,
              localField: '_id',
              foreignField: 'schedule_id',
              pipeline: [newest, { $limit: limit }, { $project: IN_SHORT }],
              as: 'runs',
            },
          },
          { $project: { runs: 1 } },
        ], { maxTimeMS: LIST_WITHIN_MS }).toArray();
        const found = new Map(docs.map(({ _id, runs }) => [_id, readers.runs(runs)]));
        const own = await ownOf(of, found, limit);
        return new Map([...own].map(([id, runs]) => [id, runs.map(inShort)]));
      }),

    record: (outcomes) =>
      answered('the recording of outcomes', async () => {
        if (outcomes.length === 0) return [];
        const updates = outcomes.map((outcome) => ({ updateOne: recording(outcome) }));
        const { matchedCount } = await runs.bulkWrite(updates, { ordered: false });
        if (matchedCount === outcomes.length) return [...outcomes];
        const docs = await runs.find({ _id: { $in: outcomes.map(({ run_id }) => run_id) } }).toArray();
        const stored = byId(readers.runs(docs));
        return outcomes.filter((outcome) => isEndedBy(stored.get(outcome.run_id), outcome));
      }),

    orphans: ({ exceptBoot, deadAfterMs, limit, exceptSchedules = [] }) =>
      answered('the search for orphaned runs', async () => {
        const seen = await replicas.find(seenWithin(deadAfterMs)).project<{ _id: string }>({ _id: 1 })
          .toArray();
        const oldest = async (executor_boot: Condition<string>, most: number) => {
          if (most === 0) return [];
          const filter = {
            state: { $in: [...OPEN_STATES] },
            executor_boot,
            schedule_id: { $nin: [...exceptSchedules] },
            $expr: isUnderstood(RUN_NEEDS),
          };
          return await runs.find(filter).sort({ scheduled_for: 1, _id: 1 }).limit(most).toArray();
        };
        await tellMisfits();
        const unbegun = await oldest(NOBODY, limit);
        const others = [NOBODY, exceptBoot, ...seen.map(({ _id }) => _id)];
        return readers.runs([...unbegun, ...await oldest({ $nin: others }, limit - unbegun.length)]);
      }),

    adopt: (adoptions, by) =>
      answered('the adoption of runs', async () => {
        if (adoptions.length === 0) return { runs: [], abandoned: [] };
        const updates = adoptions.map((adoption) => ({ updateOne: adopting(adoption, by) }));
        await runs.bulkWrite(updates, { ordered: false });
        const docs = await runs.find({ _id: { $in: adoptions.map(({ run }) => run.id) } }).toArray();
        const stored = byId(readers.runs(docs));
        return adoptedBy(adoptions, by, (id) => stored.get(id));
      }),
  };
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

function inShort({ id, scheduled_for, state, lateness_ms }: Run): RunSummary {
  return { id, scheduled_for, state, lateness_ms };
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

function recording({ run_id, schedule_id: _, attempt, executor_boot, ...end }: Outcome) {
  return { filter: held({ id: run_id, attempt, executor_boot }), update: { $set: end } };
}

function adopting(adoption: Adoption, by: Adopter) {
  return { filter: held(adoption.run), update: { $set: adopted(adoption, by) } };
}

/** `isHeld` as a filter. */
function held({ id, attempt, executor_boot }: Pick<Run, 'id' | 'attempt' | 'executor_boot'>) {
  return { _id: id, attempt, executor_boot, state: { $in: [...OPEN_STATES] } };
}

function byId(found: readonly Run[]): Map<string, Run> {
  return new Map(found.map((run) => [run.id, run]));
}
