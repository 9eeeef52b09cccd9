import type {
  Acquisition,
  Candidate,
  DeadGrant,
  Grant,
  Lease,
  LeaseReading,
  ReleasedBy,
  Watermark,
} from '../../domain/leadership/lease.ts';

export interface LeaseStore {
  /** Rejects with `LeaseMissing` when `Store.prepare` would help. */
  read(): Promise<LeaseReading>;
  /**
   * One compare-and-set: takes the lease if it is free by the server's clock, or if `candidate.boot` itself
   * holds it (an earlier acquisition whose answer was lost), or if it is held under exactly the grant
   * `instead`, whose holder is known to be dead. The new term is one more than the last, and than `aboveTerm`, which
   * the candidate knows of: a lease that was deleted may begin anew with less. Null when somebody else holds it, or has taken
   * it since it was read. Before it tries, it ends whatever transaction the last holder may have left open, which
   * would block it otherwise.
   * After `StoreUnavailable` it may have been taken: the next `acquire` of the same boot finds out.
   */
  acquire(
    candidate: Candidate,
    durationMs: number,
    instead: DeadGrant | null,
    aboveTerm?: number,
  ): Promise<Acquisition | null>;
  /** Null when the grant is no longer the one in force. Marks only grow. */
  renew(grant: Grant, durationMs: number, mark: Watermark): Promise<Lease | null>;
  /**
   * Ends the grant at once, and leaves the lease to the replica of the boot `heir`, if one is named. False when it was
   * no longer in force.
   */
  release(grant: Grant, by: ReleasedBy, heir?: string | null): Promise<boolean>;
  /** Asks whoever leads under this term to step down. False when that term is over, or another one is in force. */
  askToStepDown(term: number): Promise<boolean>;
  /**
   * Calls `onHint` when the replica `boot` might want to act at once. No more than a hint: polling is the truth.
   * Renewals are not hinted, nor what the replica has done itself, nor that another one has become the heir. Reopens
   * itself after errors, which it reports. Returns what ends it.
   */
  watch(boot: string, onHint: (hint: LeaseHint) => void, onError: (error: Error) => void): () => void;
}

export type LeaseHint =
  /** It was given back, and left to this replica. */
  | 'left'
  /** Another replica has taken it. */
  | 'taken'
  /** It was given back, its holder is asked to step down, or whatever may have been before the watch began. */
  | 'changed'
  /** A run was requested. */
  | 'request';
