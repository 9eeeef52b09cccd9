/** Events about runs, for the executor and the cancellation; the replica machine routes them. */
export type RunsEvent =
  /** There may be unowned runs that are available. */
  | { type: 'RUNS.AVAILABLE' }
  /** A place of this replica is free. */
  | { type: 'RUNS.FREED' }
  /** The cancellation of runs may have been requested. */
  | { type: 'RUNS.CANCELLED' };
