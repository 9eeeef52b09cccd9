import type {
  ChangeStream,
  ChangeStreamDocument,
  ChangeStreamOptions,
  ClientSession,
  MongoClient,
  ResumeToken,
} from 'mongodb';
import type {
  FeedObserver,
  OpenFeed,
  ScheduleChange,
  ScheduleFeed,
  Snapshot,
} from '../../../actors/schedules/scheduleFeed.ts';
import type { Logger } from '../../../actors/shared/environment.ts';
import { StoreUnavailable } from '../../../actors/shared/storeErrors.ts';
import { compacted } from '../../../domain/schedules/compacted.ts';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../../domain/schedules/schedule.ts';
import { type Collections, type ScheduleDoc, toSchedule } from '../shared/documents.ts';
import { asStoreError, hasCode, storeCall } from '../shared/errors.ts';
import { progressMs } from './progress.ts';
import { AWAIT_MS, nextChange, openStream } from '../shared/streams.ts';

/** InvalidResumeToken, ChangeStreamFatalError, ChangeStreamHistoryLost: only a new snapshot helps. */
const NOT_RESUMABLE = [260, 280, 286];

type Stream = ChangeStream<ScheduleDoc, ChangeStreamDocument<ScheduleDoc>>;
type Open = { stream: Stream; first: Promise<ChangeStreamDocument<ScheduleDoc> | null> };

export interface FeedParts {
  client: MongoClient;
  collections: Collections;
  logger: Logger;
  /** Registers `end` to run when the store closes. */
  endWithStore: (end: () => void) => () => void;
}

export function mongoFeed(parts: FeedParts): ScheduleFeed {
  const { client, collections: { schedules } } = parts;
  const watch = (from: ChangeStreamOptions): Stream =>
    schedules.watch<ScheduleDoc>([], { ...from, fullDocument: 'updateLookup', maxAwaitTimeMS: AWAIT_MS });

  return {
    async snapshot(observer) {
      const { stored, ...open } = await storeCall(
        'the snapshot of the schedules',
        () =>
          client.withSession({ causalConsistency: true }, async (session) => {
            const stream = watch({ startAtOperationTime: await operationTime(client, session) });
            try {
              const { first } = await openStream(stream);
              // Causal consistency: this read includes everything up to the stream's start time.
              return { stream, first, stored: await readAll(schedules, session) };
            } catch (error) {
              await stream.close();
              throw error;
            }
          }),
      );
      return { ...stored, feed: pumped(parts, open, null, observer) };
    },

    async resume(token, observer) {
      const open = await storeCall('the resumption of the change stream', async (): Promise<Open> => {
        const stream = watch({ resumeAfter: token });
        try {
          const { first } = await openStream(stream);
          return { stream, first };
        } catch (error) {
          if (isResumable(error, token)) throw error;
          return { stream, first: Promise.reject(error) };
        }
      });
      return pumped(parts, open, token, observer);
    },
  };
}

/**
 * Lists of moments are read a few at a time and compacted at once: as dates, a batch of the
 * driver's default size needs more memory than a replica has.
 */
const LISTS_AT_ONCE = 10;
const AT_ONCE = 1000;

async function readAll(
  schedules: Collections['schedules'],
  session: ClientSession,
): Promise<Omit<Snapshot, 'feed'>> {
  const found: Omit<Snapshot, 'feed'> = { schedules: [], notUnderstood: [] };
  // The stream delivers one whose type changes in between.
  for (
    const [filter, options] of [
      [{ type: { $ne: 'at_times' } }, { batchSize: AT_ONCE }],
      [{ type: 'at_times' }, { batchSize: LISTS_AT_ONCE }],
    ] as const
  ) {
    for await (const doc of schedules.find(filter, { session, ...options })) {
      const read = toSchedule(doc);
      if (isUnderstood(read)) found.schedules.push(compacted(read));
      else found.notUnderstood.push(read);
    }
  }
  return found;
}

async function operationTime(client: MongoClient, session: ClientSession) {
  await client.db('admin').command({ ping: 1 }, { session });
  if (!session.operationTime) {
    throw new StoreUnavailable('this MongoDB reports no operation time: it must be a replica set');
  }
  return session.operationTime;
}

function isResumable(error: unknown, token: ResumeToken): boolean {
  return token != null && !NOT_RESUMABLE.some((code) => hasCode(error, code));
}

/** Delivers the stream to the observer, starting a microtask later: the caller has the feed by then. */
function pumped(
  parts: FeedParts,
  { stream, first }: Open,
  startToken: ResumeToken,
  observer: FeedObserver,
): OpenFeed {
  let token = startToken;
  let closed = false;
  let toldOddToken = false;

  const tellProgress = () => {
    token = stream.resumeToken ?? token;
    const throughMs = progressMs(token);
    if (throughMs !== null) observer.progress(throughMs);
    else if (!toldOddToken) {
      toldOddToken = true;
      parts.logger.warn(
        'the resume tokens of the change stream have an unknown format; the watermark stays in place',
        { token },
      );
    }
  };

  const pump = async () => {
    // The observer may close the feed in any callback.
    for (let event = await first; !closed; event = closed ? null : await nextChange(stream)) {
      const change = event && toChange(event);
      if (change) observer.change(change);
      if (change?.kind === 'invalidated') return;
      if (!closed) tellProgress();
    }
  };

  const close = () => {
    closed = true;
    forget();
    void stream.close().catch(() => {});
  };
  const forget = parts.endWithStore(close);
  queueMicrotask(() => {
    pump().catch((error: unknown) => {
      if (!closed) observer.failed(asStoreError('the change stream', error), isResumable(error, token));
    }).finally(close);
  });
  return { token: () => token, close };
}

function toChange(event: ChangeStreamDocument<ScheduleDoc>): ScheduleChange | null {
  switch (event.operationType) {
    case 'insert':
    case 'replace':
    case 'update':
      // Without a document, it has been deleted since; the deletion follows.
      return event.fullDocument ? upsertOf(toSchedule(event.fullDocument)) : null;
    case 'delete':
      return { kind: 'delete', id: String(event.documentKey._id) };
    case 'drop':
    case 'rename':
    case 'dropDatabase':
    case 'invalidate':
      return { kind: 'invalidated' };
    default:
      return null;
  }
}

function upsertOf(schedule: Schedule | NotUnderstood): ScheduleChange {
  return isUnderstood(schedule) ? { kind: 'upsert', schedule } : { kind: 'not understood', schedule };
}
