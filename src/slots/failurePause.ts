/**
 * Pauses schedules whose runs keep failing. What counts is read from the runs' records, so it is right across
 * executors and takeovers; a pause that a crash prevents comes with the next failure.
 */
import type { Outcome } from '../domain/runs/outcome.ts';
import { allFailed, TELLING_STATES } from '../domain/runs/failures.ts';
import { isUnderstood, specOf } from '../domain/schedules/schedule.ts';
import type { SlotDeps } from './deps.ts';

/** Compare-and-set retries under contention. */
const TRIES = 5;

/** Not awaited: executing goes on meanwhile. */
export function pauseFailing(deps: SlotDeps, recorded: readonly Outcome[]): void {
  const limits = new Map<string, number>();
  for (const { schedule_id, state, retry_at, pause_after_failures: limit } of recorded) {
    if (limit !== null && retry_at === null && state !== 'succeeded') limits.set(schedule_id, limit);
  }
  for (const [id, limit] of limits) {
    pauseIfFailing(deps, id, limit).catch((error: Error) =>
      deps.report(null, { message: 'a schedule whose runs fail could not be paused', error })
    );
  }
}

async function pauseIfFailing({ store, logger }: SlotDeps, id: string, limit: number): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const schedule = await store.schedules.get(id);
    if (schedule === null || !isUnderstood(schedule) || schedule.paused) return;
    // Only since it was last resumed, or changed otherwise.
    const from = schedule.effective_from;
    const query = { scheduleId: id, states: TELLING_STATES, from, limit, cursor: null };
    const { items } = await store.runs.list(query);
    if (!allFailed(items, limit)) return;
    const pause_reason = `paused after ${limit} failed runs in a row`;
    const spec = { ...specOf(schedule), paused: true, pause_reason };
    const paused = await store.schedules.replace(id, spec, schedule.revision);
    if (paused === 'conflict') continue;
    if (paused !== null) {
      logger.warn('paused a schedule whose runs fail', { schedule_id: id, failures: limit });
    }
    return;
  }
}
