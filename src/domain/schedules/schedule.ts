/**
 * What a user stores. Records (what is stored or sent) have snake_case fields and `Date`s, so that the same
 * value is a MongoDB document and, through JSON, the wire format; code around them is camelCase and counts
 * epoch milliseconds.
 */
import type { NotUnderstood } from '../shared/reading.ts';
import type { Superseded, Timing } from '../timing/timing.ts';
import type { Action } from '../actions/action.ts';
import type { Policy } from './policy.ts';

/** Descriptive fields, for people. They have no effect on firing. */
export interface Labels {
  name?: string;
  description?: string;
  tags?: Record<string, string>;
}

/** How long the records of runs are kept after their end, as Go durations. */
export interface History {
  success: string;
  failure: string;
}

/** What a schedule does when it fires. A change applies to everything not claimed yet. */
export interface Work {
  action: Action;
  policy: Policy;
  history: History;
}

/** Limits beside the timing. A change of them supersedes nothing. Durations are Go durations. */
export interface Bounds {
  /** Each run becomes available up to this much after its nominal time. */
  jitter?: string;
  /** Occurrences that are run, at most; the schedule is then completed. */
  max_runs?: number;
  /** How long the schedule stays once it is completed. */
  delete_after?: string;
}

/** The part of a schedule that a client writes. Defaults are filled in by `parseScheduleSpec`. */
export type ScheduleSpec = Labels & Timing & Bounds & Work & { pause_reason?: string };

/** "." and ".." are path segments of a URL: such a schedule would be unreachable. */
export function isScheduleId(id: string): boolean {
  return /^[A-Za-z0-9._-]{1,128}$/.test(id) && id !== '.' && id !== '..';
}

/** The part of a stored schedule that the client owns. */
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
   * When the present timing was written, on a clock of the store that never goes back. Equals
   * `effective_from` unless the server's clock was set back before. It tells only whether a leader
   * can have known the timing.
   */
  written_at: Date;
  /** Oldest first. Never sent to clients. */
  superseded: Superseded[];
};
