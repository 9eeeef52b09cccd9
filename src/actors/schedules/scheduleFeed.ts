import type { NotUnderstood, Schedule } from '../../domain/schedules/schedule.ts';

/** What the change stream says. Changes arrive in the order of their commits. */
export type ScheduleChange =
  | { kind: 'upsert'; schedule: Schedule }
  | { kind: 'delete'; id: string }
  /** It was written, and this version can't read it. */
  | { kind: 'not understood'; schedule: NotUnderstood }
  /** The collection is gone, and the stream with it: start over with a snapshot. */
  | { kind: 'invalidated' };

export interface FeedObserver {
  change(change: ScheduleChange): void;
  /** All changes that were written at or before this (`written_at`, epoch ms) have been told. */
  progress(throughMs: number): void;
  /** The stream ended; nothing follows. `resumable` is false when its token is of no use any more. */
  failed(error: Error, resumable: boolean): void;
}

export interface OpenFeed {
  /** Where to go on after an error: opaque, null before the first answer. */
  token(): unknown;
  close(): void;
}

/** All that is stored, and the stream of what comes after. */
export interface Snapshot {
  schedules: Schedule[];
  notUnderstood: NotUnderstood[];
  feed: OpenFeed;
}

export interface ScheduleFeed {
  /**
   * A snapshot and the stream of what came after it, without a gap: the stream starts at a moment before the
   * snapshot was read, so changes may be told that the snapshot holds already. Nothing is told before the
   * promise resolves. Moments come as numbers (`compacted`): as dates, all of them together would need more memory
   * than a replica has.
   */
  snapshot(observer: FeedObserver): Promise<Snapshot>;
  /** Goes on after the token. */
  resume(token: unknown, observer: FeedObserver): Promise<OpenFeed>;
}
