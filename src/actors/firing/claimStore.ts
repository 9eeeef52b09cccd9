import type { ClaimMarks } from '../../domain/firing/claimMark.ts';
import type { Grant, Lease } from '../../domain/leadership/lease.ts';
import type { Run } from '../../domain/runs/run.ts';

/** The occurrences of one schedule in a batch, under the definition that the leader knows. */
export interface ClaimRequest {
  scheduleId: string;
  /**
   * Both must be what is stored (a schedule deleted and made again starts over at revision 1, at another
   * time).
   */
  revision: number;
  effectiveFrom: Date;
  /** When the schedule owes first, epoch ms: see claimMark.ts. */
  owedFromMs: number;
  /** Claims (state `claimed`) and records (`skipped`, `missed`), with ids. */
  runs: Run[];
}

export interface ClaimBatch {
  grant: Grant;
  durationMs: number;
  requests: ClaimRequest[];
  /** The watermark to write follows from them, and from which schedules are stale: `claimMark`. */
  marks: ClaimMarks;
  /**
   * Whether some of the runs may have been claimed under an earlier term: then they are looked up before, in
   * bulk.
   */
  mayBeClaimed: boolean;
  /** By which the batch was made: server time as the leader knows it, epoch ms. */
  nowMs: number;
}

export type ClaimResult =
  | {
    /** The grant is over: nothing was written, by this call or ever again under this grant. */
    kind: 'fenced';
  }
  | {
    /**
     * The server's clock has not reached the moment by which the batch was made: it was set back, and the leader has not
     * heard of it. Nothing was written.
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
    /** Ids of runs that exist already and are not ours under this grant: settled by somebody else. */
    duplicates: string[];
    /** Schedules whose stored definition is another one, or gone: nothing of them was claimed. */
    stale: string[];
  };

export interface ClaimStore {
  /**
   * One transaction: check and renew the lease, compare the schedules' definitions, insert the runs, move the
   * watermark. All or nothing. Aborted and repeated as often as the server asks for it. After
   * `StoreUnavailable` it may have been committed: claim the same runs again under the same grant, or
   * `resolve` them.
   */
  claim(batch: ClaimBatch): Promise<ClaimResult>;
  /**
   * Which of the runs, claimed by `boot` in a call whose answer was lost, are durably ours. Waits for, or
   * ends, what that call may still have in flight: the answer is final.
   */
  resolve(runs: readonly Run[], boot: string): Promise<Run[]>;
}
