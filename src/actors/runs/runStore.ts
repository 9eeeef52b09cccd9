import type { Page } from '../shared/page.ts';
import type { RunChange } from '../../domain/runs/life.ts';
import type { AttemptStart, Outcome } from '../../domain/runs/outcome.ts';
import type { Run, RunState, RunSummary } from '../../domain/runs/run.ts';
import type { NotUnderstood, Schedule } from '../../domain/schedules/schedule.ts';

export interface RunQuery {
  scheduleId?: string;
  states?: readonly RunState[];
  /** Nominal times from `from` (inclusive) to `to` (exclusive). */
  from?: Date;
  to?: Date;
  limit: number;
  cursor: string | null;
}

/** Identifies one schedule, also among those created under its id one after the other. */
export type ScheduleKey = Pick<Schedule, 'id' | 'created_at'>;

export interface RunStore {
  /** Newest nominal time first. Omits what this version does not understand, as do all lists. */
  list(query: RunQuery): Promise<Page<Run>>;
  get(id: string): Promise<Run | NotUnderstood | null>;
  /**
   * Stores an unowned run, and hints at it (`RunHint`). False, and nothing is stored, when its schedule is
   * gone. Idempotent. After `StoreUnavailable` it may be stored.
   */
  request(run: Run): Promise<boolean>;
  /** The newest run of each schedule that has one, by schedule id; none of an earlier schedule of that id. */
  latest(schedules: readonly ScheduleKey[]): Promise<Map<string, Run>>;
  /**
   * How many occurrences of each schedule were claimed while it had a limit (`max_runs`), by schedule id; absent
   * for none.
   */
  claimed(of: readonly ScheduleKey[]): Promise<Map<string, number>>;
  /** Summaries of the newest `limit` runs of each stored schedule with runs, newest first; its own only. */
  recent(schedules: readonly ScheduleKey[], limit: number): Promise<Map<string, RunSummary[]>>;
  /**
   * Applies each change if the stored run is still open and as found: under that attempt, with that
   * executor, waiting for the same. Returns the runs, as stored afterwards, that have taken on what was
   * asked, whether by this call or an earlier one without an answer. After `StoreUnavailable` it may have
   * taken effect, in part.
   */
  change(changes: readonly RunChange[]): Promise<Run[]>;
  /**
   * Writes outcomes in one batch; each counts only if the run is still open under that attempt and
   * boot. Idempotent. Returns those that count, by this call or an earlier one without an answer.
   */
  record(outcomes: readonly Outcome[]): Promise<Outcome[]>;
  /** Writes that these attempts are running, where they still are. */
  recordStarts(starts: readonly AttemptStart[]): Promise<void>;
  /**
   * Unowned runs that were available at `availableAt`, except those waiting for their turn: the oldest
   * of each schedule, and the oldest of all; up to `limit` of each kind.
   */
  available(query: { availableAt: Date; limit: number }): Promise<Available>;
  /**
   * Gives the turn to the next run of each schedule, where one waits for it and can have it. Without keys, of all
   * schedules. Idempotent.
   */
  passTurns(of?: readonly ScheduleKey[]): Promise<void>;
  /** Numbers of unowned runs, by schedule, except those waiting for their turn. */
  waiting(): Promise<Map<string, number>>;
  /** Runs of this boot whose cancellation was requested. */
  toCancel(boot: string): Promise<Run[]>;
  /**
   * Open runs whose executor was not seen in the last `deadAfterMs` of server time, oldest nominal time
   * first. Excludes those that this version does not understand, so that they don't fill the limit.
   */
  orphans(query: { exceptBoot: string; deadAfterMs: number; limit: number }): Promise<Run[]>;
}

/** Runs that an executor may take. */
export interface Available {
  runs: Run[];
  /** When the next run becomes available; null when none is known to. */
  nextAt: Date | null;
}
