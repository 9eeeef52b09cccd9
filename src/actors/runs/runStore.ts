import type { Page } from '../shared/page.ts';
import type { Adopted, Adopter, Adoption } from '../../domain/runs/adoption.ts';
import type { Outcome, Run, RunState, RunSummary } from '../../domain/runs/run.ts';
import type { NotUnderstood, Schedule } from '../../domain/schedules/schedule.ts';

export interface RunQuery {
  scheduleId?: string;
  states?: readonly RunState[];
  /** Nominal times at or after this, and before that. */
  from?: Date;
  to?: Date;
  limit: number;
  cursor: string | null;
}

/** One schedule, also among those that were made under its id one after the other. */
export type ScheduleKey = Pick<Schedule, 'id' | 'created_at'>;

export interface RunStore {
  /** Newest nominal time first. What this version does not understand is left out, here and in all lists. */
  list(query: RunQuery): Promise<Page<Run>>;
  get(id: string): Promise<Run | NotUnderstood | null>;
  /**
   * Stores a run that somebody asked for (`manualRun`), and hints at it (`LeaseStore.watch`): whoever leads
   * takes it for an orphan, and makes its first attempt. After `StoreUnavailable` it may be stored.
   */
  request(run: Run): Promise<void>;
  /** The newest run of each schedule that has one, by schedule id; none of an earlier schedule of that id. */
  latest(schedules: readonly ScheduleKey[]): Promise<Map<string, Run>>;
  /** The newest `limit` runs, in short, of each stored schedule that has some, newest first. Likewise its own only. */
  recent(schedules: readonly ScheduleKey[], limit: number): Promise<Map<string, RunSummary[]>>;
  /**
   * Writes outcomes in one batch; each counts only if the run is still open under that attempt and boot.
   * Writing one twice is harmless. Answers with those that count, by this call or an earlier one without an answer.
   */
  record(outcomes: readonly Outcome[]): Promise<Outcome[]>;
  /**
   * Open runs in the hands of other boots than `exceptBoot`, none of which was seen in the last
   * `deadAfterMs` of server time, and requested runs in nobody's. The requested ones first, the others don't
   * keep them waiting; then oldest nominal time first. None that this version does not understand, nor of the
   * schedules in `exceptSchedules`, so that neither keeps others out of the limit.
   */
  orphans(
    query: { exceptBoot: string; deadAfterMs: number; limit: number; exceptSchedules?: readonly string[] },
  ): Promise<Run[]>;
  /**
   * Makes each run ours, or ends it, if it is still open as it was found: under that attempt, in the hands
   * of that boot. Answers with those that are held by `by.boot` under the very next attempt, and those that it has
   * ended. After `StoreUnavailable` it may have been done, in part: repeat the same call, whose answer tells all
   * that came of either of the two, and after which neither can take effect any more.
   */
  adopt(adoptions: readonly Adoption[], by: Adopter): Promise<Adopted>;
}
