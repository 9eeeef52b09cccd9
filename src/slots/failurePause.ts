/**
 * Pauses schedules whose runs keep failing. What counts is read from the runs' records, so it is right across
 * executors and takeovers; a pause that a crash prevents comes with the next failure. A target that wants no more
 * of them (410) pauses its schedule at once.
 */
import type { Outcome } from '../domain/runs/outcome.ts';
import { allFailed, TELLING_STATES } from '../domain/runs/failures.ts';
import { isUnderstood, type Schedule, specOf } from '../domain/schedules/schedule.ts';
import type { SlotDeps } from './deps.ts';

/** Compare-and-set retries under contention. */
const TRIES = 5;

/** Says whether a schedule is to be paused now, and why; null when it is not. */
type Judge = (schedule: Schedule) => Promise<string | null>;

/** Not awaited: executing goes on meanwhile. */
export function pauseFailing(deps: SlotDeps, recorded: readonly Outcome[]): void {
  const judges = new Map<string, Judge>();
  for (const { schedule_id, schedule_created_at: made, state, retry_at, ...outcome } of recorded) {
    const { pause_after_failures: limit, pause } = outcome;
    if (pause !== undefined) {
      judges.set(
        schedule_id,
        ({ created_at }) => Promise.resolve(created_at.getTime() === made?.getTime() ? pause : null),
      );
    } else if (limit !== null && retry_at === null && state !== 'succeeded' && !judges.has(schedule_id)) {
      judges.set(schedule_id, (schedule) => hasFailedTooOften(deps, schedule, limit));
    }
  }
  for (const [id, judge] of judges) {
    pauseIf(deps, id, judge).catch((error: Error) =>
      deps.report(null, { message: 'a schedule whose runs fail could not be paused', error })
    );
  }
}

async function pauseIf({ store, logger }: SlotDeps, id: string, judge: Judge): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const schedule = await store.schedules.get(id);
    if (schedule === null || !isUnderstood(schedule) || schedule.paused) return;
    const pause_reason = await judge(schedule);
    if (pause_reason === null) return;
    const spec = { ...specOf(schedule), paused: true, pause_reason };
    const paused = await store.schedules.replace(id, spec, schedule.revision);
    if (paused === 'conflict') continue;
    if (paused !== null) {
      logger.warn('paused a schedule whose runs fail', { schedule_id: id, reason: pause_reason });
    }
    return;
  }
}

async function hasFailedTooOften({ store }: SlotDeps, schedule: Schedule, limit: number) {
  // Only since it was last resumed, or changed otherwise.
  const from = schedule.effective_from;
  const query = { scheduleId: schedule.id, states: TELLING_STATES, from, limit, cursor: null };
  const { items } = await store.runs.list(query);
  return allFailed(items, limit) ? `paused after ${limit} failed runs in a row` : null;
}
