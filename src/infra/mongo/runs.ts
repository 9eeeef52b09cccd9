import type { Condition } from 'mongodb';
import type { RunStore } from '../../actors/ports.ts';
import { decodeCursor, encodeCursor } from '../../domain/cursor.ts';
import { adopted, type Adopter, type Adoption, heldAfter } from '../../domain/adoption.ts';
import { isHeld, NOBODY, OPEN_STATES, type Outcome, type Run } from '../../domain/run.ts';
import { BELL_ID, type Collections, fromRun, type RunDoc, toRun } from './documents.ts';
import { answered } from './errors.ts';
import { seenWithin } from './presence.ts';

export function mongoRuns({ runs, replicas, bell }: Collections): RunStore {
  return {
    list: ({ scheduleId, states, limit, cursor }) =>
      answered('the listing of runs', async () => {
        const filter = {
          ...(scheduleId === undefined ? {} : { schedule_id: scheduleId }),
          ...(states === undefined ? {} : { state: { $in: [...states] } }),
          ...(cursor === null ? {} : olderThan(cursor)),
        };
        const docs = await runs.find(filter).sort({ scheduled_for: -1, _id: -1 }).limit(limit + 1).toArray();
        const items = docs.slice(0, limit).map(toRun);
        const last = items.at(-1);
        return {
          items,
          nextCursor: last && docs.length > limit
            ? encodeCursor([last.scheduled_for.getTime(), last.id])
            : null,
        };
      }),

    get: (id) =>
      answered('the reading of a run', async () => {
        const doc = await runs.findOne({ _id: id });
        return doc && toRun(doc);
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
        return new Map(newest.map(({ run }) => [run.schedule_id, toRun(run)]));
      }),

    record: (outcomes) =>
      answered('the recording of outcomes', async () => {
        if (outcomes.length === 0) return 0;
        const updates = outcomes.map((outcome) => ({ updateOne: recording(outcome) }));
        const { matchedCount } = await runs.bulkWrite(updates, { ordered: false });
        return matchedCount;
      }),

    orphans: ({ exceptBoot, deadAfterMs, limit }) =>
      answered('the search for orphaned runs', async () => {
        const seen = await replicas.find(seenWithin(deadAfterMs)).project<{ _id: string }>({ _id: 1 })
          .toArray();
        const oldest = async (executor_boot: Condition<string>, most: number) => {
          if (most === 0) return [];
          const filter = { state: { $in: [...OPEN_STATES] }, executor_boot };
          return await runs.find(filter).sort({ scheduled_for: 1, _id: 1 }).limit(most).toArray();
        };
        const unbegun = await oldest(NOBODY, limit);
        const others = [NOBODY, exceptBoot, ...seen.map(({ _id }) => _id)];
        return [...unbegun, ...await oldest({ $nin: others }, limit - unbegun.length)].map(toRun);
      }),

    adopt: (adoptions, by) =>
      answered('the adoption of runs', async () => {
        if (adoptions.length === 0) return [];
        const updates = adoptions.map((adoption) => ({ updateOne: adopting(adoption, by) }));
        await runs.bulkWrite(updates, { ordered: false });
        const held = heldAfter(adoptions, by);
        const docs = await runs.find({ _id: { $in: held.map(({ id }) => id) } }).toArray();
        const stored = new Map(docs.map((doc) => [doc._id, toRun(doc)]));
        return held.flatMap((one) => {
          const run = stored.get(one.id);
          return isHeld(run, one) ? [run] : [];
        });
      }),
  };
}

function olderThan(cursor: string) {
  const [scheduledForMs, id] = decodeCursor(cursor, ['number', 'string']);
  const scheduledFor = new Date(scheduledForMs);
  return {
    $or: [{ scheduled_for: { $lt: scheduledFor } }, { scheduled_for: scheduledFor, _id: { $lt: id } }],
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
