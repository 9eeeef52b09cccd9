import type {
  Acquisition,
  Candidate,
  DeadGrant,
  Grant,
  Lease,
  LeaseReading,
  ReleasedBy,
} from '../../domain/leadership/lease.ts';
import type { Watermark } from '../../domain/leadership/watermark.ts';

export interface LeaseStore {
  /** Rejects with `LeaseMissing` when `Store.prepare` would help. */
  read(): Promise<LeaseReading>;
  /**
   * One compare-and-set: acquires the lease if it is free by the server's clock, or if `candidate.boot`
   * itself holds it (an earlier acquisition whose answer was lost), or if it is held under exactly
   * the grant `instead`, whose holder is known to be dead. The new term is one more than the greater
   * of the last one and `aboveTerm`, the highest that the candidate knows: a deleted lease may restart lower.
   * Null when another replica holds it, or has acquired it since the read. First aborts any transaction
   * that the last holder left open, which would block it. After `StoreUnavailable` it may have been
   * acquired: the next `acquire` of the same boot finds out.
   */
  acquire(
    candidate: Candidate,
    durationMs: number,
    instead: DeadGrant | null,
    aboveTerm?: number,
  ): Promise<Acquisition | null>;
  /** Null when the grant is not current. Watermarks only advance. */
  renew(grant: Grant, durationMs: number, mark: Watermark): Promise<Lease | null>;
  /**
   * Ends the grant at once, and leaves the lease to the boot `heir`, if given. False when the grant
   * was not current.
   */
  release(grant: Grant, by: ReleasedBy, heir?: string | null): Promise<boolean>;
  /** Asks the leader of this term to step down. False when that term is over, or is not the current one. */
  askToStepDown(term: number): Promise<boolean>;
  /**
   * Calls `onHint` when the replica `boot` might want to act at once. Only a hint: polling is
   * authoritative. No hints for renewals, for the replica's own writes, or for another replica
   * becoming the heir. Reopens itself after errors, which it reports. Returns the function that ends
   * it.
   */
  watch(boot: string, onHint: (hint: LeaseHint) => void, onError: (error: Error) => void): () => void;
}

export type LeaseHint =
  /** Released, with this replica as the heir. */
  | 'left'
  /** Acquired by another replica. */
  | 'taken'
  /** Released, its holder asked to step down, or anything before the watch began. */
  | 'changed'
  | RunHint;

export type RunHint =
  /** A run became available to executors, or will be at a known time. */
  | 'run available'
  /** The cancellation of a run was requested. */
  | 'run cancelled';
