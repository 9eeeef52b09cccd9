import type { Condition, Filter } from 'mongodb';
import type { RunQuery, RunStore } from '../../actors/ports.ts';
import { decodeCursor, encodeCursor } from '../../domain/cursor.ts';
import { adopted, type Adopter, type Adoption, heldAfter } from '../../domain/adoption.ts';
import { readSummary, RUN_NEEDS } from '../../domain/runReading.ts';
import { isHeld, NOBODY, OPEN_STATES, type Outcome, type Run } from '../../domain/run.ts';
import { BELL_ID, type Collections, fromRun, type RunDoc } from './documents.ts';
import { answered } from './errors.ts';
import { seenWithin } from './presence.ts';
import { isUnderstood, type Readers } from './readers.ts';

/** The first and the last moment that a JavaScript date can be. */
const FIRST = new Date(-8.64e15);
const LAST = new Date(8.64e15);

/** A list takes no longer than this, whatever is asked for. */
const LIST_WITHIN_MS = 2000;

/** How many searches for orphans there are to one for those that are not understood, and how many it tells. */
const MISFITS_EVERY = 60;
const MISFITS_TOLD = 20;

export function mongoRuns({ runs, replicas, schedules, bell }: Collections, readers: Readers): RunStore {
  let searches = 0;
  /** Open runs that `orphans` passes over are told of, now and then. */
  const tellMisfits = async () => {
    if (searches++ % MISFITS_EVERY !== 0) return;
    const filter = { state: { $in: [...OPEN_STATES] }, $expr: { $not: [isUnderstood(RUN_NEEDS)] } };
    const options = { maxTimeMS: LIST_WITHIN_MS };
    readers.runs(await runs.find(filter, options).limit(MISFITS_TOLD).toArray());
  };

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
          nextCursor: last && docs.length > limit
            ? encodeCursor([last.scheduled_for.getTime(), last._id])
            : null,
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
        await bell.updateOne({ _id: BELL_ID }, { $inc: { rung: 1 } }, { upsert: true }).catch(() => {});
      }),

    latest: (scheduleIds) =>
      answered('the reading of the latest runs', async () => {
        const newest = await runs.aggregate<{ run: RunDoc }>([
          { $match: { schedule_id: { $in: [...scheduleIds] } } },
          { $sort: { schedule_id: 1, scheduled_for: -1, _id: -1 } },
          { $group: { _id: '$schedule_id', run: { $first: '$$ROOT' } } },
        ]).toArray();
        return new Map(readers.runs(newest.map(({ run }) => run)).map((run) => [run.schedule_id, run]));
      }),

    recent: (scheduleIds, limit) =>
      answered('the reading of recent runs', async () => {
        const newest = { $sort: { scheduled_for: -1, _id: -1 } };
        const inShort = { $project: { scheduled_for: 1, state: 1, lateness_ms: 1 } };
        const found = await schedules.aggregate<{ _id: string; runs: RunDoc[] }>([
          { $match: { _id: { $in: [...scheduleIds] } } },
          {
            $lookup: {
              from: runs.collectionName,
              localField: '_id',
              foreignField: 'schedule_id',
              pipeline: [newest, { $limit: limit }, inShort],
              as: 'runs',
            },
          },
          { $project: { runs: 1 } },
        ], { maxTimeMS: LIST_WITHIN_MS }).toArray();
        return new Map(
          found.filter(({ runs }) => runs.length > 0).map(({ _id, runs }) => [
            _id,
            runs.flatMap(({ _id: id, ...run }) => readSummary({ id, ...run }) ?? []),
          ]),
        );
      }),

    record: (outcomes) =>
      answered('the recording of outcomes', async () => {
        if (outcomes.length === 0) return 0;
        const updates = outcomes.map((outcome) => ({ updateOne: recording(outcome) }));
        const { matchedCount } = await runs.bulkWrite(updates, { ordered: false });
        return matchedCount;
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
        if (adoptions.length === 0) return [];
        const updates = adoptions.map((adoption) => ({ updateOne: adopting(adoption, by) }));
        await runs.bulkWrite(updates, { ordered: false });
        const held = heldAfter(adoptions, by);
        const docs = await runs.find({ _id: { $in: held.map(({ id }) => id) } }).toArray();
        const stored = new Map(readers.runs(docs).map((run) => [run.id, run]));
        return held.flatMap((one) => {
          const run = stored.get(one.id);
          return isHeld(run, one) ? [run] : [];
        });
      }),
  };
}

/** The bounds on `scheduled_for` stand by themselves, so that an index begins and ends at them. */
function filterOf({ scheduleId, states, from, to, cursor }: RunQuery): Filter<RunDoc> {
  const after = cursor === null ? null : decodeCursor(cursor, ['number', 'string']);
  const last = after && new Date(after[0]);
  return {
    ...(scheduleId !== undefined && { schedule_id: scheduleId }),
    ...(states !== undefined && { state: { $in: [...states] } }),
    // Of an order with others, which a cursor needs, are dates and strings alone.
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

/** As `isHeld` says it of a stored run. */
function held({ id, attempt, executor_boot }: Pick<Run, 'id' | 'attempt' | 'executor_boot'>) {
  return { _id: id, attempt, executor_boot, state: { $in: [...OPEN_STATES] } };
}
