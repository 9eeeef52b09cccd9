/**
 * What a user stores. Records (what is stored or sent) have snake_case fields and `Date`s, so that the same
 * value is a MongoDB document and, through JSON, the wire format; code around them is camelCase and counts
 * epoch milliseconds.
 */

/** When a schedule fires. */
export type Timing =
  | { type: 'cron'; definition: { cron_expression: string; timezone: string } }
  /** Ascending; numbers (epoch ms) in the schedules that a replica keeps in memory, see moments.ts. */
  | { type: 'at_times'; definition: { times: Date[] | Float64Array } }
  | { type: 'duration'; definition: { interval: string; anchor?: Date } };

/** What is done about occurrences that fell due while nobody led. */
export type CatchUp = 'all' | 'latest' | 'none';

/** What becomes of a run whose executor died: it is tried again, or given up. */
export type OnExecutorLoss = 'retry' | 'abandon';

export interface Policy {
  catch_up: CatchUp;
  /** Go duration. An occurrence older than this when the leader gets to it is recorded `missed`. */
  catch_up_window: string;
  on_executor_loss: OnExecutorLoss;
}

/** How long the records of runs are kept after their end, as Go durations. */
export interface History {
  success: string;
  failure: string;
}

export interface Action {
  type: 'log';
}

/** The part of a schedule that a client writes. Defaults are filled in by `parseScheduleSpec`. */
export type ScheduleSpec = Timing & {
  name?: string;
  description?: string;
  tags?: Record<string, string>;
  /** No occurrence before this. */
  start_at?: Date;
  /** No occurrence after this. */
  end_at?: Date;
  paused: boolean;
  pause_reason?: string;
  action: Action;
  policy: Policy;
  history: History;
};

/** The fields of a spec that decide which occurrences it has. */
export type TimingSpec = Timing & { start_at?: Date; end_at?: Date };

/**
 * A definition that was in force in `(from, until]` and has been replaced or paused since. It is kept with
 * the schedule until the watermark has passed `until`, so that whoever leads by then can record what it still
 * owed (G4).
 */
export type Superseded = TimingSpec & { revision: number; from: Date; until: Date };

/** The part of a stored schedule that is its owner's. */
export function specOf(schedule: Schedule): ScheduleSpec {
  const {
    id: _i,
    revision: _r,
    created_at: _c,
    updated_at: _u,
    effective_from: _e,
    superseded: _s,
    ...spec
  } = schedule;
  return spec;
}

/** A stored schedule. The server owns the fields below. */
export type Schedule = ScheduleSpec & {
  id: string;
  /** Starts at 1 and grows by 1 with each change. */
  revision: number;
  created_at: Date;
  updated_at: Date;
  /**
   * Server time at which the present revision took effect: it owes the occurrences after this moment, and no
   * others.
   */
  effective_from: Date;
  /** Oldest first. Never sent to clients. */
  superseded: Superseded[];
};
