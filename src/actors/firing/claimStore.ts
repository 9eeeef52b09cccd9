import type { ClaimMarks } from '../../domain/firing/claimMark.ts';
import type { Grant, Lease } from '../../domain/leadership/lease.ts';
import type { Run } from '../../domain/runs/run.ts';

/** The occurrences of one schedule in a batch, under the definition that the leader knows. */
export interface ClaimRequest {
  scheduleId: string;
  /**
   * Both must match the store (a schedule deleted and created again starts over at revision 1, at
   * another time).
   */
  revision: number;
  effectiveFrom: Date;
  /** When the schedule owes first, epoch ms: see claimMark.ts. */
  owedFromMs: number;
  /** Claims (state `claimed`) and records (`skipped`, `missed`), with ids. */
  runs: Run[];
  /** Occurrences of the schedule that are claimed, at most; null for any number. */
  maxRuns: number | null;
}

export interface ClaimBatch {
  grant: Grant;
  durationMs: number;
  requests: ClaimRequest[];
  /** The store derives the watermark to write from these and the stale schedules: see `claimMark`. */
  marks: ClaimMarks;
  /**
   * Whether some of the runs may have been claimed under an earlier term: the store then looks them
   * up first, in bulk.
   */
  mayBeClaimed: boolean;
  /** When the batch was made: server time as the leader knows it, epoch ms. */
  nowMs: number;
}

export type ClaimResult =
  | {
    /** The grant is over: this call wrote nothing, and no later one under this grant will. */
    kind: 'fenced';
  }
  | {
    /**
     * The server's clock is before the batch's `nowMs`: it was set back, and the leader has not seen
     * that yet. Nothing was written.
     */
    kind: 'early';
    /** Server time, epoch ms. */
    serverNowMs: number;
  }
  | {
    kind: 'committed';
    lease: Lease;
    /** Runs that are durably ours, whether by this call or by an earlier one whose answer was lost. */
    runs: Run[];
    /** Ids of runs that exist already and are not ours under this grant: settled elsewhere. */
    duplicates: string[];
    /**
     * Schedules of which nothing was claimed: their stored definition has changed or is gone, or another transaction
     * is deciding about their runs.
     */
    stale: string[];
    /** Schedules that have had all their runs (`max_runs`): they owe nothing more. */
    exhausted: string[];
  };

/** One timing of one schedule. */
export interface TimingKey {
  id: string;
  createdAt: Date;
  timingRevision: number;
}

export interface ClaimStore {
  /** The newest occurrence of each timing that was claimed or recorded, epoch ms, by schedule id. */
  newest(of: readonly TimingKey[]): Promise<Map<string, number>>;
  /**
   * One transaction: check and renew the lease, compare the schedules' definitions, decide on overlaps, insert
   * the runs, advance the watermark. All or nothing. Aborts and retries as often as the server asks. After
   * `StoreUnavailable` it may have committed: claim the same runs again under the same grant, or
   * `resolve` them.
   */
  claim(batch: ClaimBatch): Promise<ClaimResult>;
  /**
   * Which of the runs, claimed in a call whose answer was lost, are durably ours. Waits for
   * what that call still has in flight, or aborts it: the answer is final.
   */
  resolve(runs: readonly Run[]): Promise<Run[]>;
}
