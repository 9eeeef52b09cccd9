import type { RunStore } from '../../../actors/runs/runStore.ts';
import { adopted, adoptedBy, type Adopter, type Adoption } from '../../../domain/runs/adoption.ts';
import { isEndedBy, OPEN_STATES, type Outcome, type Run } from '../../../domain/runs/run.ts';
import { type Collections, fromRun, NO_EXECUTOR, NOTIFICATION_ID } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import type { Readers } from '../shared/readers.ts';
import { orphanSearch } from './orphanSearch.ts';
import { runLists } from './runLists.ts';

export function mongoRuns(collections: Collections, readers: Readers): RunStore {
  const { runs, notifications } = collections;
  return {
    ...runLists(collections, readers),
    orphans: orphanSearch(collections, readers),

    get: (id) =>
      storeCall('the reading of a run', async () => {
        const doc = await runs.findOne({ _id: id });
        return doc && readers.run(doc);
      }),

    request: (run) =>
      storeCall('the request of a run', async () => {
        await runs.insertOne(fromRun(run));
        // Only a hint: without it the run starts a little later.
        await notifications.updateOne({ _id: NOTIFICATION_ID }, { $inc: { rung: 1 } }, { upsert: true })
          .catch(() => {});
      }),

    record: (outcomes) =>
      storeCall('the recording of outcomes', async () => {
        if (outcomes.length === 0) return [];
        const updates = outcomes.map((outcome) => ({ updateOne: recording(outcome) }));
        const { matchedCount } = await runs.bulkWrite(updates, { ordered: false });
        if (matchedCount === outcomes.length) return [...outcomes];
        const docs = await runs.find({ _id: { $in: outcomes.map(({ run_id }) => run_id) } }).toArray();
        const stored = byId(readers.runs(docs));
        return outcomes.filter((outcome) => isEndedBy(stored.get(outcome.run_id), outcome));
      }),

    adopt: (adoptions, by) =>
      storeCall('the adoption of runs', async () => {
        if (adoptions.length === 0) return { runs: [], abandoned: [] };
        const updates = adoptions.map((adoption) => ({ updateOne: adopting(adoption, by) }));
        await runs.bulkWrite(updates, { ordered: false });
        const docs = await runs.find({ _id: { $in: adoptions.map(({ run }) => run.id) } }).toArray();
        const stored = byId(readers.runs(docs));
        return adoptedBy(adoptions, by, (id) => stored.get(id));
      }),
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
  return { _id: id, attempt, executor_boot: executor_boot ?? NO_EXECUTOR, state: { $in: [...OPEN_STATES] } };
}

function byId(found: readonly Run[]): Map<string, Run> {
  return new Map(found.map((run) => [run.id, run]));
}
