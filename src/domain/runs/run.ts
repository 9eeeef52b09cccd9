import type { NotUnderstood } from '../shared/reading.ts';
import type { Schedule } from '../schedules/schedule.ts';

/** Why a run exists: due on time, caught up after a time without a leader, or requested by a user. */
export type Trigger = 'schedule' | 'catch_up' | 'manual' | 'backfill';

/** A table, so that the compiler keeps it complete. */
const IS_OF_OCCURRENCE: Record<Trigger, boolean> = {
  schedule: true,
  catch_up: true,
  manual: false,
  backfill: false,
};

export const TRIGGERS = Object.keys(IS_OF_OCCURRENCE) as readonly Trigger[];

/** Triggers of the runs of occurrences. */
export const OF_OCCURRENCES = TRIGGERS.filter((trigger) => IS_OF_OCCURRENCE[trigger]);

export function isOccurrence({ trigger }: Pick<Run, 'trigger'>): boolean {
  return IS_OF_OCCURRENCE[trigger];
}

export type RunState =
  | 'claimed'
  | 'running'
  | 'retrying'
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'cancelled'
  | 'skipped'
  | 'missed'
  | 'abandoned';

/** A table, so that the compiler keeps it complete. */
const IS_OPEN: Record<RunState, boolean> = {
  claimed: true,
  running: true,
  retrying: true,
  succeeded: false,
  failed: false,
  timed_out: false,
  cancelled: false,
  skipped: false,
  missed: false,
  abandoned: false,
};

export const RUN_STATES = Object.keys(IS_OPEN) as readonly RunState[];

/** States in which work remains to be done. */
export const OPEN_STATES = RUN_STATES.filter((state) => IS_OPEN[state]);

/** Final states: no run leaves them. */
export const ENDED_STATES = RUN_STATES.filter((state) => !IS_OPEN[state]);

/** Why an occurrence was recorded without being run. */
export type NotRunReason = 'superseded' | 'catch_up_window' | 'catch_up_limit' | 'catch_up_policy';

/** Why an orphan ended as `abandoned`: by policy, or because its schedule is gone. */
export type AbandonReason = 'executor_lost' | 'schedule_gone';

/** The durable record of acting, or deciding not to act, on one occurrence. */
export interface Run {
  /** `runId(schedule_id, scheduled_for)`: the database itself refuses a second run of an occurrence (G1). */
  id: string;
  schedule_id: string;
  schedule_revision: number;
  /** Distinguishes its schedule from others of the same id. Older versions did not write it. */
  schedule_created_at?: Date;
  /** Distinguishes the timings of its schedule. Older versions did not write it. Never sent. */
  timing_revision?: number;
  /** The nominal time of the occurrence. */
  scheduled_for: Date;
  trigger: Trigger;
  state: RunState;
  reason: NotRunReason | AbandonReason | null;
  /** Number of the present attempt, from 1; 0 for an occurrence that is not run, or not yet. */
  attempt: number;
  /** The executor and its boot (one life of its process); null for a manual run that has not begun. */
  executor: string | null;
  executor_boot: string | null;
  /** The term of its claim. */
  term: number;
  claimed_at: Date;
  /** Number of the executor's claim that wrote it: tells a retried claim from another. Never sent. */
  claim_number: number;
  started_at: Date | null;
  finished_at: Date | null;
  /** From the nominal time to the start of the first attempt (to the decision, for one that is not run). */
  lateness_ms: number;
  error: string | null;
  output: string | null;
  /**
   * Above 1 only on a `missed` or `skipped` record of several consecutive occurrences: the last of
   * them is `scheduled_for`, the first is `since`.
   */
  count: number;
  since: Date;
  /** When the record may be deleted; null while the run is open. */
  expire_at: Date | null;
}

/** A run with an executor. */
export type AssignedRun = Run & { executor: string; executor_boot: string };

/** A run as summarised in lists. */
export type RunSummary = Pick<Run, 'id' | 'scheduled_for' | 'state' | 'lateness_ms'>;

export function summaryOf({ id, scheduled_for, state, lateness_ms }: Run): RunSummary {
  return { id, scheduled_for, state, lateness_ms };
}

/**
 * Whether the stored run is open and belongs to that boot and attempt: only then may it start, and
 * does an outcome count.
 */
export function isHeld(
  stored: Run | NotUnderstood | null | undefined,
  { attempt, executor_boot }: Pick<Run, 'attempt' | 'executor_boot'>,
): stored is Run {
  return stored != null && !('not_understood' in stored) && OPEN_STATES.includes(stored.state) &&
    stored.attempt === attempt &&
    stored.executor_boot === executor_boot;
}

/**
 * A manual run, requested at `atMs`, server time. It has no executor yet: the leader adopts it
 * (adoption.ts). `tag` makes its id differ from those of occurrences and of other requests.
 */
export function manualRun(schedule: Schedule, atMs: number, tag: string): Run {
  // Not before its schedule, whatever this replica's estimate of the server's clock.
  const at = new Date(Math.max(Math.ceil(atMs), schedule.created_at.getTime()));
  return {
    id: `${runId(schedule.id, at)}~${tag}`,
    schedule_id: schedule.id,
    schedule_revision: schedule.revision,
    schedule_created_at: schedule.created_at,
    timing_revision: schedule.timing_revision,
    scheduled_for: at,
    trigger: 'manual',
    state: 'claimed',
    reason: null,
    attempt: 0,
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

/** Whether the run is of this schedule, and not of another one that had its id. */
export function isRunOf(
  run: Pick<Run, 'schedule_id' | 'schedule_created_at' | 'claimed_at'>,
  schedule: Pick<Schedule, 'id' | 'created_at'>,
): boolean {
  if (run.schedule_id !== schedule.id) return false;
  return run.schedule_created_at === undefined
    // Written by an older version, which did not allow for a set-back of the server's clock.
    ? schedule.created_at <= run.claimed_at
    : run.schedule_created_at.getTime() === schedule.created_at.getTime();
}

/** Whether it is a manual run that no replica has adopted yet. */
export function isUnassigned(run: Run): boolean {
  return run.executor_boot === null;
}

/** How an attempt ended. */
export interface Outcome {
  run_id: string;
  schedule_id: string;
  /** The outcome counts only for this attempt by this boot: a late one can't overwrite a newer one (G3). */
  attempt: number;
  executor_boot: string;
  state: 'succeeded' | 'failed' | 'timed_out' | 'cancelled';
  started_at: Date;
  finished_at: Date;
  lateness_ms: number;
  error: string | null;
  output: string | null;
  expire_at: Date;
}

/** Whether this outcome ended the stored run. */
export function isEndedBy(stored: Run | null | undefined, outcome: Outcome): boolean {
  return stored != null && stored.attempt === outcome.attempt && stored.state === outcome.state &&
    stored.executor_boot === outcome.executor_boot &&
    stored.finished_at?.getTime() === outcome.finished_at.getTime();
}

/** The id of an occurrence's only run. Schedule ids have no `@`, so no two occurrences share one. */
export function runId(scheduleId: string, scheduledFor: Date): string {
  return `${scheduleId}@${scheduledFor.toISOString()}`;
}
