import type { ClusterEvent } from '../../domain/events/event.ts';

/** One step of a stream of events: an event, or none for a while, and the position after it. */
export interface EventStep {
  event: ClusterEvent | null;
  position: string;
}

/** Events from a position on, in the order of their commits, at the pace of who reads them. */
export interface OpenEvents {
  /** Where it begins. */
  readonly start: string;
  /**
   * The next one, or none after half a second or so without. 'lost': nothing follows, since the history that
   * it would need is gone. One call at a time. After `StoreUnavailable` open another one at the last position.
   */
  next(): Promise<EventStep | 'lost'>;
  close(): void;
}

/**
 * What happened in the cluster, with a position for each event that means the same to every replica. Positions
 * compare as strings in the order of the events; other than that they are opaque.
 *
 * A run whose record has expired is not told any more; a schedule is told as it is when it is read.
 */
export interface EventFeed {
  /**
   * What comes after the position; from now on when it is null. 'lost': the position is none of this store,
   * or its history does not reach back to it.
   */
  open(after: string | null): Promise<OpenEvents | 'lost'>;
}
