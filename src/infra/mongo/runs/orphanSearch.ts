/** The search for orphans: open runs whose executor is dead, and manual runs that have none yet. */
import type { Condition } from 'mongodb';
import type { RunStore } from '../../../actors/runs/runStore.ts';
import { OPEN_STATES } from '../../../domain/runs/run.ts';
import { RUN_FIELDS } from '../../../domain/runs/runReading.ts';
import { heartbeatWithin } from '../membership/presence.ts';
import { type Collections, NO_EXECUTOR } from '../shared/documents.ts';
import { storeCall } from '../shared/errors.ts';
import { isUnderstood, type Readers } from '../shared/readers.ts';
import { LIST_WITHIN_MS } from './runLists.ts';

/** Searches per report of runs that are not understood, and how many runs a report has at most. */
const REPORT_EVERY = 60;
const MAX_REPORTED = 20;

export function orphanSearch({ runs, replicas }: Collections, readers: Readers): RunStore['orphans'] {
  let searches = 0;
  /** Reports, now and then, open runs that the search skips. */
  const reportNotUnderstood = async () => {
    if (searches++ % REPORT_EVERY !== 0) return;
    const filter = { state: { $in: [...OPEN_STATES] }, $expr: { $not: [isUnderstood(RUN_FIELDS)] } };
    const options = { maxTimeMS: LIST_WITHIN_MS };
    readers.runs(await runs.find(filter, options).limit(MAX_REPORTED).toArray());
  };

  return ({ exceptBoot, deadAfterMs, limit, exceptSchedules = [] }) =>
    storeCall('the search for orphaned runs', async () => {
      const alive = await replicas.find(heartbeatWithin(deadAfterMs)).project<{ _id: string }>({ _id: 1 })
        .toArray();
      const oldest = async (executor_boot: Condition<string>, most: number) => {
        if (most === 0) return [];
        const filter = {
          state: { $in: [...OPEN_STATES] },
          executor_boot,
          schedule_id: { $nin: [...exceptSchedules] },
          $expr: isUnderstood(RUN_FIELDS),
        };
        return await runs.find(filter).sort({ scheduled_for: 1, _id: 1 }).limit(most).toArray();
      };
      await reportNotUnderstood();
      const unassigned = await oldest(NO_EXECUTOR, limit);
      const others = [NO_EXECUTOR, exceptBoot, ...alive.map(({ _id }) => _id)];
      return readers.runs([...unassigned, ...await oldest({ $nin: others }, limit - unassigned.length)]);
    });
}
