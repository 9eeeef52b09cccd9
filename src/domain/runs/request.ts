/** Runs that people request. They are unowned, like any run that waits. */
import type { Schedule } from '../schedules/schedule.ts';
import { type Run, runId, workNow, workOf } from './run.ts';

/**
 * A run of the schedule as it is now, requested at `atMs`, server time. `tag` makes its id differ from
 * those of occurrences and of other requests. With `overlaps` false it runs beside open runs.
 */
export function manualRun(schedule: Schedule, atMs: number, tag: string, overlaps = false): Run {
  // Not before its schedule: this replica's estimate of the server's clock may be behind.
  const at = new Date(Math.max(Math.ceil(atMs), schedule.created_at.getTime()));
  const { overlap } = schedule.policy;
  return {
    ...requested(`${runId(schedule.id, at)}~${tag}`, at),
    schedule_id: schedule.id,
    schedule_revision: schedule.revision,
    schedule_created_at: schedule.created_at,
    timing_revision: schedule.timing_revision,
    overlap: overlaps && overlap !== 'allow' ? overlap : null,
    work: workNow(schedule),
  };
}

/** A run that does again what an ended one did, with what that was claimed with. */
export function rerunOf(ended: Run, atMs: number, tag: string): Run {
  const at = new Date(Math.ceil(atMs));
  const { schedule_id, schedule_revision, schedule_created_at, timing_revision } = ended;
  return {
    ...requested(`${runId(schedule_id, at)}~${tag}`, at),
    schedule_id,
    schedule_revision,
    ...(schedule_created_at && { schedule_created_at }),
    ...(timing_revision !== undefined && { timing_revision }),
    overlap: null,
    work: workOf(ended),
  };
}

/** What all requested runs have in common. */
export function requested(id: string, at: Date) {
  return {
    id,
    scheduled_for: at,
    available_at: at,
    trigger: 'manual' as const,
    state: 'claimed' as const,
    reason: null,
    waiting_for: 'place' as const,
    attempt: 0,
    attempts: [],
    failures: 0,
    losses: 0,
    is_last_attempt: false,
    executor: null,
    executor_boot: null,
    term: 0,
    claimed_at: at,
    claim_number: 0,
    started_at: null,
    finished_at: null,
    lateness_ms: 0,
    error: null,
    output: null,
    count: 1,
    since: at,
    expire_at: null,
  };
}
