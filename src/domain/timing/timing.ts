/** What the occurrences are, before any bounds. */
export type Rule =
  | { type: 'cron'; definition: { cron_expression: string; timezone: string } }
  /** Ascending; numbers (epoch ms) in the schedules that a replica keeps in memory, see schedules/compacted.ts. */
  | { type: 'at_times'; definition: { times: Date[] | Float64Array } }
  | { type: 'duration'; definition: { interval: string; anchor?: Date } };

/** A rule and its bounds: which occurrences there are. */
export type BoundedRule = Rule & {
  /** No occurrence before this. */
  start_at?: Date;
  /** No occurrence after this. */
  end_at?: Date;
};

/** While it is paused nothing is owed, also not afterwards. */
export type Timing = BoundedRule & { paused: boolean };

/**
 * Occurrences that were in force in `(from, until]` and have been replaced or paused since. Kept with the
 * schedule until the watermark has passed it, so that the leader can record what it still owed (G4).
 */
export type Superseded = BoundedRule & {
  /** The revision that brought it. */
  revision: number;
  from: Date;
  until: Date;
  /** As in `Schedule`. */
  written_at: Date;
};
