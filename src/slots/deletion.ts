/** Deletes completed schedules whose time to stay is over (`delete_after`). Called by the leader now and then. */
import type { DueQueue } from '../domain/firing/dueQueue.ts';
import { completed } from '../domain/firing/queueSearch.ts';
import { OPEN_STATES } from '../domain/runs/run.ts';
import type { Schedule } from '../domain/schedules/schedule.ts';
import { parseDuration } from '../domain/timing/duration.ts';
import { previousOccurrence } from '../domain/timing/occurrences.ts';
import type { SlotDeps } from './deps.ts';

/** Deleted at once, at most (G9). */
const MAX_DELETED = 100;

export async function deleteCompleted(deps: SlotDeps, queue: DueQueue, nowMs: number): Promise<void> {
  for (const schedule of completed(queue, MAX_DELETED)) await deleteIfOver(deps, schedule, nowMs);
}

async function deleteIfOver({ store, logger }: SlotDeps, schedule: Schedule, nowMs: number): Promise<void> {
  const { id, revision, delete_after, effective_from } = schedule;
  // A backfill would end with its schedule.
  if ((await store.backfills.running({ scheduleId: id, limit: 1 })).length > 0) return;
  const latest = (await store.runs.latest([schedule])).get(id);
  if (latest !== undefined && OPEN_STATES.includes(latest.state)) return;
  const completedMs = Math.max(
    effective_from.getTime(),
    previousOccurrence(schedule, nowMs) ?? -Infinity,
    latest?.finished_at?.getTime() ?? -Infinity,
  );
  // After a limit of runs, the last of them counts.
  const sinceMs = schedule.max_runs === undefined
    ? completedMs
    : latest?.finished_at?.getTime() ?? completedMs;
  if (nowMs < sinceMs + parseDuration(delete_after as string)) return;
  const removed = await store.schedules.remove(id, revision);
  if (removed !== null && removed !== 'conflict') {
    logger.info('deleted a completed schedule', { schedule_id: id });
  }
}
