import type { RunHint } from '../../../actors/leadership/leaseStore.ts';
import type { RunStore, ScheduleKey } from '../../../actors/runs/runStore.ts';
import { isApplied, isCancelRequested, type RunChange } from '../../../domain/runs/life.ts';
import { isWaitingForTurn } from '../../../domain/runs/overlap.ts';
import { isRecorded } from '../../../domain/runs/outcome.ts';
import { isUnowned, type Run } from '../../../domain/runs/run.ts';
import { tallyId } from '../../runs/tallies.ts';
import { type Collections, NOTIFICATIONS } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import type { Readers } from '../shared/readers.ts';
import { openRuns } from './openRuns.ts';
import { storeRequest, type Transactions } from './requests.ts';
import { overlappingRuns, passTurn, waitingSchedules } from './turns.ts';
import { changing, recording, starting } from './runChanges.ts';
import { runLists } from './runLists.ts';

/** Tells all replicas. Only a hint: without it they find out a little later. */
export async function tellReplicas({ notifications }: Collections, hint: RunHint): Promise<void> {
  const [id] = Object.entries(NOTIFICATIONS).find(([, one]) => one === hint) as [string, RunHint];
  await notifications.updateOne({ _id: id }, { $inc: { rung: 1 } }, { upsert: true }).catch(() => {});
}

export function mongoRuns(
  collections: Collections,
  readers: Readers,
  transactions: Transactions,
): RunStore {
  const { runs } = collections;
  const stored = async (ids: readonly string[]) =>
    byId(readers.runs(await runs.find({ _id: { $in: [...ids] } }).toArray()));

  return {
    ...runLists(collections, readers),
    ...openRuns(collections, readers),

    get: (id) =>
      storeCall('the reading of a run', async () => {
        const doc = await runs.findOne({ _id: id });
        return doc && readers.run(doc);
      }),

    claimed: (of) =>
      storeCall('the reading of how many runs were claimed', async () => {
        const ids = new Map(of.map(({ id, created_at }) => [tallyId(id, created_at), id]));
        const found = await collections.tallies.find({ _id: { $in: [...ids.keys()] } }).toArray();
        return new Map(found.map(({ _id, runs = 0 }) => [ids.get(_id) as string, runs]));
      }),

    request: (run) =>
      storeCall('the request of a run', async () => {
        const isStored = await storeRequest(transactions, collections, readers, run);
        if (isStored) await tellReplicas(collections, 'run available');
        return isStored;
      }),

    change: (changes) =>
      storeCall('the change of runs', async () => {
        if (changes.length === 0) return [];
        await runs.bulkWrite(changes.map(changing), { ordered: false });
        const found = await stored(changes.map(({ run }) => run.id));
        const changed = changes.flatMap((change) => {
          const run = found.get(change.run.id);
          return run && isApplied(run, change) ? [run] : [];
        });
        if (changed.some(isUnowned)) await tellReplicas(collections, 'run available');
        if (changed.some(isCancelRequested)) await tellReplicas(collections, 'run cancelled');
        return changed;
      }),

    passTurns: (of) =>
      storeCall('the turns of runs', async () => {
        const ids = of?.map(({ id }) => id) ?? await waitingSchedules(collections);
        if (ids.length === 0) return;
        // Most have no turn to give: a transaction only for those that seem to.
        const open = await overlappingRuns(collections, readers, ids);
        const changed: RunChange[] = [];
        for (const key of schedulesOf(open)) {
          changed.push(...await passTurn(transactions, collections, readers, key));
        }
        if (changed.length > 0) await tellReplicas(collections, 'run available');
      }),

    record: (outcomes) =>
      storeCall('the recording of outcomes', async () => {
        if (outcomes.length === 0) return [];
        const { matchedCount } = await runs.bulkWrite(outcomes.map(recording), { ordered: false });
        if (outcomes.some(({ retry_at }) => retry_at !== null)) {
          await tellReplicas(collections, 'run available');
        }
        if (matchedCount === outcomes.length) {
          return [...outcomes];
        }
        const found = await stored(outcomes.map(({ run_id }) => run_id));
        return outcomes.filter((outcome) => isRecorded(found.get(outcome.run_id), outcome));
      }),

    recordStarts: (starts) =>
      storeCall('the recording of starts', async () => {
        if (starts.length > 0) await runs.bulkWrite(starts.map(starting), { ordered: false });
      }),
  };
}

/** The schedules in which a run waits for its turn. */
function schedulesOf(open: readonly Run[]): ScheduleKey[] {
  const waiting = open.filter(isWaitingForTurn);
  return [
    ...new Map(
      waiting.map(({ schedule_id: id, schedule_created_at: created_at }) =>
        [id, { id, created_at: created_at as Date }] as const
      ),
    ).values(),
  ];
}

function byId(found: readonly Run[]): Map<string, Run> {
  return new Map(found.map((run) => [run.id, run]));
}
