/** How a schedule's occurrences become runs, and how runs are attempted. Durations are Go durations. */

/** For occurrences that fell due without a leader. */
export type CatchUp = 'all' | 'latest' | 'none';

/**
 * For an occurrence that falls due while a run of the schedule is open: run it as well; record it
 * `skipped`; let it wait for its turn; or cancel what is open, and run it then.
 */
export type Overlap = 'allow' | 'skip' | 'queue' | 'replace';

/** For a run whose executor died: attempt it again, or end it as `abandoned`. */
export type OnExecutorLoss = 'retry' | 'abandon';

/** When a failed attempt is made again. */
export interface Retry {
  /** Attempts that may fail, 1 to 20. A lost executor uses up none. */
  max_attempts: number;
  /** Bound of the wait before the second attempt. */
  initial_backoff: string;
  /** Factor from one wait's bound to the next, at least 1. */
  multiplier: number;
  /** Limit of all bounds. */
  max_backoff: string;
}

/** How a run's attempts are made. It travels with the run. */
export interface AttemptPolicy {
  /** Limit of one attempt. */
  timeout: string;
  retry: Retry;
  on_executor_loss: OnExecutorLoss;
  /** Failed runs in a row that pause the schedule; null for never. */
  pause_after_failures: number | null;
}

export interface Policy extends AttemptPolicy {
  catch_up: CatchUp;
  /** An occurrence older than this when the leader reaches it is recorded `missed`. */
  catch_up_window: string;
  overlap: Overlap;
}

/** Of a `log` action, and of a schedule that says nothing. */
export const DEFAULT_RETRY: Retry = {
  max_attempts: 1,
  initial_backoff: '1s',
  multiplier: 2,
  max_backoff: '10m',
};

export const DEFAULT_POLICY: Policy = {
  catch_up: 'all',
  catch_up_window: '60s',
  overlap: 'allow',
  timeout: '30s',
  retry: DEFAULT_RETRY,
  on_executor_loss: 'retry',
  pause_after_failures: null,
};
