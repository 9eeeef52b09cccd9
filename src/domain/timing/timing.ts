/** The rule of the occurrences, without bounds. */
export type Rule =
  | { type: 'cron'; definition: { cron_expression: string; timezone: string } }
  /** Ascending; numbers (epoch ms) in a replica's memory, see schedules/compacted.ts. */
  | { type: 'at_times'; definition: { times: Date[] | Float64Array } }
  | { type: 'duration'; definition: { interval: string; anchor?: Date } };

/** A rule and its bounds: they determine the occurrences. */
export type BoundedRule = Rule & {
  /** No occurrence before this. */
  start_at?: Date;
  /** No occurrence after this. */
  end_at?: Date;
};

/** Paused time is never caught up. */
export type Timing = BoundedRule & {
  paused: boolean;
  /** The pause ends by itself then. */
  pause_until?: Date;
};

/**
 * A timing that was in force in `(from, until]` and has been replaced or paused since. The schedule
 * keeps it until the watermark has passed it, so that the leader can record what it still owed
 * (G4).
 */
export type Superseded = BoundedRule & {
  /** The revision that brought it. */
  revision: number;
  from: Date;
  until: Date;
  /** As in `Schedule`. */
  written_at: Date;
};
