import type { Page } from '../shared/page.ts';
import type { Adopted, Adopter, Adoption } from '../../domain/runs/adoption.ts';
import type { Outcome, Run, RunState, RunSummary } from '../../domain/runs/run.ts';
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
   * Stores a manual run (`manualRun`), and hints at it (`LeaseStore.watch`): the leader adopts it like
   * an orphan, and makes its first attempt. After `StoreUnavailable` it may be stored.
   */
  request(run: Run): Promise<void>;
  /** The newest run of each schedule that has one, by schedule id; none of an earlier schedule of that id. */
  latest(schedules: readonly ScheduleKey[]): Promise<Map<string, Run>>;
  /** Summaries of the newest `limit` runs of each stored schedule with runs, newest first; its own only. */
  recent(schedules: readonly ScheduleKey[], limit: number): Promise<Map<string, RunSummary[]>>;
  /**
   * Writes outcomes in one batch; each counts only if the run is still open under that attempt and
   * boot. Idempotent. Returns those that count, by this call or an earlier one without an answer.
   */
  record(outcomes: readonly Outcome[]): Promise<Outcome[]>;
  /**
   * Open runs held by boots other than `exceptBoot` that were not seen in the last `deadAfterMs` of
   * server time, and manual runs without an executor. The manual ones first, so that the others don't
   * delay them; then oldest nominal time first. Excludes runs that this version does not
   * understand, and those of `exceptSchedules`, so that neither fills the limit.
   */
  orphans(
    query: { exceptBoot: string; deadAfterMs: number; limit: number; exceptSchedules?: readonly string[] },
  ): Promise<Run[]>;
  /**
   * Makes each run ours, or ends it, if it is still open as found: under that attempt, held by that
   * boot. Returns the runs that `by.boot` holds under the very next attempt, and those that it has
   * ended. After `StoreUnavailable` it may have taken effect, in part: repeat the same call. Its
   * answer covers both calls, and neither can take effect after it.
   */
  adopt(adoptions: readonly Adoption[], by: Adopter): Promise<Adopted>;
}
