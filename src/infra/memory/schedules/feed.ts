import type {
  FeedObserver,
  OpenFeed,
  ScheduleChange,
  ScheduleFeed,
} from '../../../actors/schedules/scheduleFeed.ts';
import { isUnderstood, type NotUnderstood } from '../../../domain/schedules/schedule.ts';
import { compacted } from '../../../domain/schedules/compacted.ts';
import type { Connection } from '../shared/connection.ts';

/** Interval of progress while nothing changes. */
const QUIET_MS = 500;

export function memoryFeed(connection: Connection): ScheduleFeed {
  const { db } = connection;
  return {
    async snapshot(observer) {
      const { stored, position } = await connection.call('feed.snapshot', () => ({
        stored: [...db.schedules.values()].map((schedule) => {
          const read = connection.read(schedule);
          return isUnderstood(read) ? compacted(read) : read;
        }),
        position: db.changes.end,
      }));
      return {
        schedules: stored.filter(isUnderstood),
        notUnderstood: stored.filter((one): one is NotUnderstood => !isUnderstood(one)),
        feed: openFeed(connection, position, observer),
      };
    },

    async resume(token, observer) {
      await connection.call('feed.resume', () => undefined);
      return openFeed(connection, token as number, observer);
    },
  };
}

function openFeed(connection: Connection, startPosition: number, observer: FeedObserver): OpenFeed {
  const { db } = connection;
  let position = startPosition;
  let closed = false;
  let wake = () => {};

  const quiet = () => {
    const waiting = db.changes.wait(db.clock, QUIET_MS);
    wake = waiting.wake;
    return waiting.done;
  };

  const next = () =>
    connection.call('feed.next', () => {
      // More may be written within the present millisecond.
      const throughMs = db.historyMs() - 1;
      return { changes: db.changes.since(position)?.map((change) => read(connection, change)), throughMs };
    });

  const pump = async () => {
    while (!closed) {
      const { changes, throughMs } = await next();
      if (closed) return;
      if (!changes) {
        return observer.failed(new Error('the change history does not reach back to this token'), false);
      }
      for (const change of changes) {
        observer.change(change);
        position++;
        // The observer may have closed the feed.
        if (closed) return;
      }
      observer.progress(throughMs);
      if (db.changes.end === position && !closed) await quiet();
    }
  };

  const close = () => {
    closed = true;
    wake();
    forget();
  };
  const forget = connection.onClose(close);
  // A microtask later, so that the caller has the feed before the first change.
  queueMicrotask(() => {
    pump().catch((error: Error) => closed || observer.failed(error, true)).finally(close);
  });
  return { token: () => position, close };
}

function read(connection: Connection, change: ScheduleChange): ScheduleChange {
  if (change.kind !== 'upsert') return change;
  const schedule = connection.read(change.schedule);
  return isUnderstood(schedule) ? { kind: 'upsert', schedule } : { kind: 'not understood', schedule };
}
