import type { NotUnderstood } from '../shared/reading.ts';
import type { Schedule } from '../schedules/schedule.ts';

/**
 * Why an occurrence got a run: on time, made up for after a time without a leader, or asked for by somebody.
 */
export type Trigger = 'schedule' | 'catch_up' | 'manual' | 'backfill';

/** By a table, which the compiler keeps complete. */
const IS_OF_OCCURRENCE: Record<Trigger, boolean> = {
  schedule: true,
  catch_up: true,
  manual: false,
  backfill: false,
};

export const TRIGGERS = Object.keys(IS_OF_OCCURRENCE) as readonly Trigger[];

/** The triggers of runs that an occurrence of a schedule has. */
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

/** By a table, which the compiler keeps complete. */
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

/** States in which somebody still has to act. */
export const OPEN_STATES = RUN_STATES.filter((state) => IS_OPEN[state]);

/** States that no run leaves any more. */
export const ENDED_STATES = RUN_STATES.filter((state) => !IS_OPEN[state]);

/** Why an occurrence was recorded without being run. */
export type NotRunReason = 'superseded' | 'catch_up_window' | 'catch_up_limit' | 'catch_up_policy';

/** Why a run whose executor died ended as `abandoned`: by policy, or since its schedule is gone. */
export type AbandonReason = 'executor_lost' | 'schedule_gone';

/** The durable record of acting, or deciding not to act, on one occurrence. */
export interface Run {
  /** `runId(schedule_id, scheduled_for)`: the database itself refuses a second run of an occurrence (G1). */
  id: string;
  schedule_id: string;
  schedule_revision: number;
  /** Tells its schedule from others that were made under the same id. Older versions did not write it. */
  schedule_created_at?: Date;
  /** Tells its timing from others of its schedule. Older versions did not write it. Never sent. */
  timing_revision?: number;
  /** The nominal time of the occurrence. */
  scheduled_for: Date;
  trigger: Trigger;
  state: RunState;
  reason: NotRunReason | AbandonReason | null;
  /** Number of the present attempt, from 1; 0 for an occurrence that is not run, or not yet. */
  attempt: number;
  /**
   * The replica that runs it, and the boot (one process's life) of that replica; `NOBODY` of a run that was
   * requested and not yet begun.
   */
  executor: string;
  executor_boot: string;
  /** The leadership under which it was claimed. */
  term: number;
  claimed_at: Date;
  /** Which of its executor's claims made the record: tells a repeated claim from another one. Never sent. */
  claim_number: number;
  started_at: Date | null;
  finished_at: Date | null;
  /** From the nominal time to the start of the first attempt (to the decision, for one that is not run). */
  lateness_ms: number;
  error: string | null;
  output: string | null;
  /**
   * More than one only on a `missed` or `skipped` record that stands for several occurrences in a row:
   * the last of them is `scheduled_for`, the first is `since`.
   */
  count: number;
  since: Date;
  /** When the record may be deleted; null while the run is open. */
  expire_at: Date | null;
}

/** What is told of a run among others. */
export type RunSummary = Pick<Run, 'id' | 'scheduled_for' | 'state' | 'lateness_ms'>;

/**
 * Whether the stored run is still open in the hands of that boot, under that attempt: only then may it be
 * started, and does an outcome count.
 */
export function isHeld(
  stored: Run | NotUnderstood | null | undefined,
  { attempt, executor_boot }: Pick<Run, 'attempt' | 'executor_boot'>,
): stored is Run {
  return stored != null && !('not_understood' in stored) && OPEN_STATES.includes(stored.state) &&
    stored.attempt === attempt &&
    stored.executor_boot === executor_boot;
}

/** In the place of an executor, of its boot: no replica is called so. */
export const NOBODY = '';

/**
 * The run of a schedule that somebody asked for at `atMs`, server time. It is nobody's yet: whoever leads adopts it
 * (adoption.ts). `tag` makes its id another one than those of the occurrences, and of other requests.
 */
export function manualRun(schedule: Schedule, atMs: number, tag: string): Run {
  // Not before its schedule, whatever this replica's idea of the server's clock.
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
    executor: NOBODY,
    executor_boot: NOBODY,
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

/** Whether the run is one of this very schedule, and not of another one that had its id. */
export function isRunOf(
  run: Pick<Run, 'schedule_id' | 'schedule_created_at' | 'claimed_at'>,
  schedule: Pick<Schedule, 'id' | 'created_at'>,
): boolean {
  if (run.schedule_id !== schedule.id) return false;
  return run.schedule_created_at === undefined
    // Written by an older version, before a server's clock that was set back was thought of.
    ? schedule.created_at <= run.claimed_at
    : run.schedule_created_at.getTime() === schedule.created_at.getTime();
}

/** Whether it was requested, and nobody has begun with it. */
export function isUnassigned(run: Run): boolean {
  return run.executor_boot === NOBODY;
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

/** Whether the stored run has ended by this very outcome. */
export function isEndedBy(stored: Run | null | undefined, outcome: Outcome): boolean {
  return stored != null && stored.attempt === outcome.attempt && stored.state === outcome.state &&
    stored.executor_boot === outcome.executor_boot &&
    stored.finished_at?.getTime() === outcome.finished_at.getTime();
}

/**
 * The id of the one run that an occurrence can have. Schedule ids have no `@`, so no two occurrences share
 * one.
 */
export function runId(scheduleId: string, scheduledFor: Date): string {
  return `${scheduleId}@${scheduledFor.toISOString()}`;
}
