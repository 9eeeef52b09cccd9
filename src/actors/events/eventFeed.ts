import type { ClusterEvent } from '../../domain/events/event.ts';

/** One step of an event stream: an event, or null after a quiet while, and the position after it. */
export interface EventStep {
  event: ClusterEvent | null;
  position: string;
}

/** Events after a position, in commit order, at the reader's pace. */
export interface OpenEvents {
  /** The position where the stream begins. */
  readonly start: string;
  /**
   * The next step; its event is null after about half a second without one. 'lost': nothing follows,
   * since the history that the stream needs is gone. One call at a time. After `StoreUnavailable`,
   * open a new stream at the last position.
   */
  next(): Promise<EventStep | 'lost'>;
  close(): void;
}

/**
 * The cluster's events, each with a position that means the same to every replica. Positions compare
 * as strings in event order; otherwise they are opaque.
 *
 * Omits a run whose record has expired; shows a schedule as it is at the time of the read.
 */
export interface EventFeed {
  /**
   * Events after the position; from now on when it is null. 'lost': the position belongs to another
   * store, or the store's history does not reach back to it.
   */
  open(after: string | null): Promise<OpenEvents | 'lost'>;
}
