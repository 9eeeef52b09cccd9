import type { NotUnderstood, Schedule } from '../../domain/schedules/schedule.ts';

/** Events of the change stream, in commit order. */
export type ScheduleChange =
  | { kind: 'upsert'; schedule: Schedule }
  | { kind: 'delete'; id: string }
  /** Written, but not understood by this version. */
  | { kind: 'not understood'; schedule: NotUnderstood }
  /** The collection is gone, and the stream with it: start over with a snapshot. */
  | { kind: 'invalidated' };

export interface FeedObserver {
  change(change: ScheduleChange): void;
  /** All changes written at or before this (`written_at`, epoch ms) have been passed on. */
  progress(throughMs: number): void;
  /** The stream ended; nothing follows. `resumable` is false when its resume token is unusable. */
  failed(error: Error, resumable: boolean): void;
}

export interface OpenFeed {
  /** Resume token after an error: opaque, null before the first answer. */
  token(): unknown;
  close(): void;
}

/** All stored schedules, and the stream of later changes. */
export interface Snapshot {
  schedules: Schedule[];
  notUnderstood: NotUnderstood[];
  feed: OpenFeed;
}

export interface ScheduleFeed {
  /**
   * A snapshot and the stream of later changes, without a gap: the stream starts before the snapshot
   * is read, so it may repeat changes that the snapshot holds. Nothing is passed on before the
   * promise resolves. Moments come as numbers (`compacted`): as dates, all of them together would
   * need more memory than a replica has.
   */
  snapshot(observer: FeedObserver): Promise<Snapshot>;
  /** Resumes after the token. */
  resume(token: unknown, observer: FeedObserver): Promise<OpenFeed>;
}
