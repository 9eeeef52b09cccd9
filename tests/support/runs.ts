import { type Outcome, turnOf } from '../../src/domain/runs/outcome.ts';
import { manualRun } from '../../src/domain/runs/request.ts';
import { isOwned, type OwnedRun, type Run, runId } from '../../src/domain/runs/run.ts';
import { every } from './schedules.ts';

/**
 * The run of one occurrence, claimed by r1 (boot b1) under term 1, and not started. It does not say when its schedule
 * was created, so that it belongs to any schedule of that id.
 */
export function claimed(scheduleId: string, atMs: number, more: Partial<Run> = {}): Run {
  const { schedule_created_at: _c, timing_revision: _t, ...run } = manualRun(
    every(100, atMs, { id: scheduleId }),
    atMs,
    'none',
  );
  return {
    ...run,
    id: runId(scheduleId, run.scheduled_for),
    trigger: 'schedule',
    waiting_for: null,
    ...{ attempt: 1, executor: 'r1', executor_boot: 'b1', term: 1, claim_number: 1 },
    ...more,
  };
}

/** As `claimed`, for where an executor is needed. */
export function owned(scheduleId: string, atMs: number, more: Partial<Run> = {}): OwnedRun {
  const run = claimed(scheduleId, atMs, more);
  if (!isOwned(run)) throw new Error(`${run.id} has no executor.`);
  return run;
}

/** The run of one occurrence that was claimed, and found no place. */
export function unowned(scheduleId: string, atMs: number, more: Partial<Run> = {}): Run {
  const nobody = { attempt: 0, executor: null, executor_boot: null };
  return claimed(scheduleId, atMs, { waiting_for: 'place', ...nobody, ...more });
}

/** The success of the run's present attempt, 2 ms after its nominal time. */
export function outcomeOf(run: Run, more: Partial<Outcome> = {}): Outcome {
  const atMs = run.scheduled_for.getTime();
  return {
    run_id: run.id,
    schedule_id: run.schedule_id,
    turn: turnOf(run),
    pause_after_failures: null,
    attempt: run.attempt,
    executor: run.executor ?? '',
    executor_boot: run.executor_boot ?? '',
    state: 'succeeded',
    started_at: new Date(atMs + 1),
    finished_at: new Date(atMs + 2),
    lateness_ms: 1,
    error: null,
    output: null,
    retry_at: null,
    expire_at: new Date(atMs + 24 * 3_600_000),
    ...more,
  };
}
