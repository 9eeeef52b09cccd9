/**
 * What a user stores. Records (what is stored or sent) have snake_case fields and `Date`s, so that the same
 * value is a MongoDB document and, through JSON, the wire format; code around them is camelCase and counts
 * epoch milliseconds.
 */
import type { NotUnderstood } from './reading.ts';

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
 * A timing that was in force in `(from, until]` and has been replaced or paused since. It is kept with the
 * schedule until the watermark has passed it, so that the leader can record what it still owed (G4).
 */
export type Superseded = TimingSpec & {
  /** The revision that brought it. */
  revision: number;
  from: Date;
  until: Date;
  /** As in `Schedule`. */
  written_at: Date;
};

/** "." and ".." are steps in a URL's path: such a schedule could not be reached. */
export function isScheduleId(id: string): boolean {
  return /^[A-Za-z0-9._-]{1,128}$/.test(id) && id !== '.' && id !== '..';
}

/** The part of a stored schedule that is its owner's. */
export function specOf(schedule: Schedule): ScheduleSpec {
  const {
    id: _i,
    revision: _r,
    timing_revision: _t,
    created_at: _c,
    updated_at: _u,
    effective_from: _e,
    written_at: _w,
    superseded: _s,
    ...spec
  } = schedule;
  return spec;
}

export type { NotUnderstood };

export function isUnderstood<T extends { id: string }>(stored: T | NotUnderstood): stored is T {
  return !('not_understood' in stored);
}

/** A stored schedule. The server owns the fields below. */
export type Schedule = ScheduleSpec & {
  id: string;
  /** Starts at 1 and grows by 1 with each change. */
  revision: number;
  /** The revision that brought the present timing (type, definition, start, end, pause). */
  timing_revision: number;
  created_at: Date;
  updated_at: Date;
  /**
   * Server time at which the present timing took effect: it owes the occurrences after this moment, and no
   * others.
   */
  effective_from: Date;
  /**
   * When the present timing was written, on a clock of the store that never goes back. The same as
   * `effective_from`, unless the server's clock was set back before. It tells whether a leader can have known
   * the timing, and nothing else.
   */
  written_at: Date;
  /** Oldest first. Never sent to clients. */
  superseded: Superseded[];
};
