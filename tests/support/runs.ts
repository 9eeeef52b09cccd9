import { manualRun, type Outcome, type Run, runId } from '../../src/domain/runs/run.ts';
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
    ...{ attempt: 1, executor: 'r1', executor_boot: 'b1', term: 1, claim_number: 1 },
    ...more,
  };
}

/** The success of the run's present attempt, 2 ms after its nominal time. */
export function outcomeOf(run: Run, more: Partial<Outcome> = {}): Outcome {
  const atMs = run.scheduled_for.getTime();
  return {
    run_id: run.id,
    schedule_id: run.schedule_id,
    attempt: run.attempt,
    executor_boot: run.executor_boot ?? '',
    state: 'succeeded',
    started_at: new Date(atMs + 1),
    finished_at: new Date(atMs + 2),
    lateness_ms: 1,
    error: null,
    output: null,
    expire_at: new Date(atMs + 24 * 3_600_000),
    ...more,
  };
}
