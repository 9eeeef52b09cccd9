import type { NotUnderstood } from '../shared/reading.ts';
import { type AttemptPolicy, DEFAULT_POLICY, type Overlap } from '../schedules/policy.ts';
import type { Action } from '../actions/action.ts';
import type { History, Schedule } from '../schedules/schedule.ts';

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
export type NotRunReason =
  | 'superseded'
  | 'catch_up_window'
  | 'catch_up_limit'
  | 'catch_up_policy'
  | 'overlap';

/** Why a run ended as `abandoned`: its executors died, by policy or too often; or its schedule is gone. */
export type AbandonReason = 'executor_lost' | 'schedule_gone';

/** Why a run is cancelled: on request, by the next run of a schedule that replaces, or with its schedule. */
export type CancelReason = 'requested' | 'replaced' | 'schedule_deleted';

/** What an open run without an executor waits for. */
export type WaitingFor = 'place' | 'overlap' | 'jitter' | 'retry';

/** An attempt that is over. */
export interface Attempt {
  number: number;
  executor: string;
  /** Null when the executor died before it could report that the attempt had begun. */
  started_at: Date | null;
  finished_at: Date;
  state: 'succeeded' | 'failed' | 'timed_out' | 'cancelled' | 'lost';
  error: string | null;
}

/** Ended attempts that a run keeps, at most: the newest (G9). */
export const MAX_ATTEMPTS_KEPT = 20;

/** What a run was claimed with. Every attempt uses it, also after the schedule is changed or deleted. */
export interface RunWork {
  name?: string;
  action: Action;
  policy: AttemptPolicy;
  history: History;
}

/**
 * The durable record of acting, or deciding not to act, on one occurrence or request. An open run is
 * owned by one boot, which attempts it, or unowned: then the first executor with a free place takes it
 * once it is available (G7).
 */
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
  /** No attempt begins before this. */
  available_at: Date;
  trigger: Trigger;
  /** The backfill that made it, if one did. */
  backfill_id?: string;
  state: RunState;
  /** Of an open run: why it is about to be cancelled. */
  reason: NotRunReason | AbandonReason | CancelReason | null;
  /** Null unless the run is open and unowned. */
  waiting_for: WaitingFor | null;
  /** Number of the present or last attempt, from 1; 0 before the first, and for what is not run. */
  attempt: number;
  /** The newest ended attempts, oldest first; `MAX_ATTEMPTS_KEPT` at most. */
  attempts: Attempt[];
  /** Attempts that failed or timed out: `retry.max_attempts` of them end the run. */
  failures: number;
  /** Executors lost in a row. */
  losses: number;
  /** Whether no attempt follows the present one: its schedule was deleted, or its cancellation requested. */
  is_last_attempt: boolean;
  /** How it overlaps with other runs of its schedule; null for any way. */
  overlap: Exclude<Overlap, 'allow'> | null;
  /** Null for what is not run, and for runs that older versions claimed: `workOf` has defaults. */
  work: RunWork | null;
  /** The executor and its boot (one life of its process); null while the run is unowned. */
  executor: string | null;
  executor_boot: string | null;
  /** The term of its claim; 0 for a request. */
  term: number;
  claimed_at: Date;
  /**
   * Number of the leader's claim that wrote it, from 1: tells a retried claim from another. 0 for a request. Never
   * sent.
   */
  claim_number: number;
  started_at: Date | null;
  finished_at: Date | null;
  /** From the time at which it was due to the start of the first attempt, or to the decision not to run it. */
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
export type OwnedRun = Run & { executor: string; executor_boot: string };

export function isOwned(run: Run): run is OwnedRun {
  return run.executor_boot !== null;
}

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

/** Whether it is open and no executor has it. */
export function isUnowned(run: Pick<Run, 'waiting_for'>): boolean {
  return run.waiting_for !== null;
}

/** Whether an executor may take it once it is available. */
export function isTakeable({ waiting_for }: Pick<Run, 'waiting_for'>): boolean {
  return waiting_for !== null && waiting_for !== 'overlap';
}

const DEFAULT_WORK: RunWork = {
  action: { type: 'log' },
  policy: DEFAULT_POLICY,
  history: { success: '24h', failure: '168h' },
};

export function workOf(run: Pick<Run, 'work'>): RunWork {
  return run.work ?? DEFAULT_WORK;
}

/** What the schedule's runs are claimed with now. */
export function workNow({ name, action, policy, history }: Schedule): RunWork {
  const { timeout, retry, on_executor_loss, pause_after_failures } = policy;
  return {
    ...(name !== undefined && { name }),
    action,
    policy: { timeout, retry, on_executor_loss, pause_after_failures },
    history,
  };
}

/** The id of an occurrence's only run. Schedule ids have no `@`, so no two occurrences share one. */
export function runId(scheduleId: string, scheduledFor: Date): string {
  return `${scheduleId}@${scheduledFor.toISOString()}`;
}
