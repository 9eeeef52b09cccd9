import { type Run, runId } from '../../src/domain/runs/run.ts';

/** A run that r1 (boot b1) has claimed under term 1, and is to start. */
export function claimed(scheduleId: string, atMs: number, more: Partial<Run> = {}): Run {
  const at = new Date(atMs);
  return {
    id: runId(scheduleId, at),
    schedule_id: scheduleId,
    schedule_revision: 1,
    scheduled_for: at,
    trigger: 'schedule',
    state: 'claimed',
    reason: null,
    attempt: 1,
    executor: 'r1',
    executor_boot: 'b1',
    term: 1,
    claimed_at: at,
    claim_number: 1,
    started_at: null,
    finished_at: null,
    lateness_ms: 0,
    error: null,
    output: null,
    count: 1,
    since: at,
    expire_at: null,
    ...more,
  };
}
