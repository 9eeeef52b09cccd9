/**
 * Cluster events, from one change stream on the database. A position is the `_data` of a resume
 * token: a hex string that sorts in the order of the changes, and from which any replica can
 * resume.
 */
import type { ChangeStream, ChangeStreamDocument, Db } from 'mongodb';
import type { EventFeed, EventStep, OpenEvents } from '../../../actors/events/eventFeed.ts';
import { StoreRefused } from '../../../actors/shared/storeErrors.ts';
import { asStoreError, hasCode, storeCall } from '../shared/errors.ts';
import { endsHistory, eventOf, EVENTS } from './eventOf.ts';
import type { Readers } from '../shared/readers.ts';
import { AWAIT_MS, nextChange, openStream } from '../shared/streams.ts';

/** Longer than any token of this database: its longest part is an id of at most 160 bytes. */
const MAX_POSITION_LENGTH = 2000;

/** ChangeStreamFatalError, ChangeStreamHistoryLost: an open stream can't continue. */
const LOST = [280, 286];

/** Unauthorized, AuthenticationFailed, AtlasError: not about the token. */
const RIGHTS = [13, 18, 8000];

type Stream = ChangeStream<Document, ChangeStreamDocument<Document>>;
type Document = Record<string, unknown>;

export interface EventParts {
  db: Db;
  readers: Readers;
  /** Registers `end` to run when the store closes. */
  endWithStore: (end: () => void) => () => void;
}

export function mongoEvents({ db, readers, endWithStore }: EventParts): EventFeed {
  return {
    open: (after) => {
      if (after !== null && !isPosition(after)) return Promise.resolve('lost');
      return storeCall('the opening of the events', async () => {
        const stream = db.watch<Document>(EVENTS, {
          ...(after !== null && { resumeAfter: { _data: after } }),
          fullDocument: 'updateLookup',
          maxAwaitTimeMS: AWAIT_MS,
        });
        try {
          const { first } = await openStream(stream);
          return openEvents(stream, after ?? positionOf(stream), first, readers, endWithStore);
        } catch (error) {
          await stream.close();
          if (after !== null && isRefused(error)) return 'lost';
          throw error;
        }
      });
    },
  };
}

function isPosition(text: string): boolean {
  return text.length <= MAX_POSITION_LENGTH && text.length % 2 === 0 && /^82[0-9A-F]{16,}$/.test(text);
}

/** Whether the server refused the token itself. It has many errors for an invalid one. */
function isRefused(error: unknown): boolean {
  return asStoreError('', error) instanceof StoreRefused && !RIGHTS.some((code) => hasCode(error, code));
}

function openEvents(
  stream: Stream,
  start: string,
  first: Promise<ChangeStreamDocument<Document> | null>,
  readers: Readers,
  endWithStore: EventParts['endWithStore'],
): OpenEvents {
  let upcoming: typeof first | null = first;
  const close = () => {
    forget();
    void stream.close().catch(() => {});
  };
  const forget = endWithStore(close);
  const read = async (): Promise<EventStep | 'lost'> => {
    const change = await (upcoming ?? nextChange(stream));
    upcoming = null;
    if (change && endsHistory(change)) return 'lost';
    return { event: change && eventOf(change, readers), position: positionOf(stream, change) };
  };
  return {
    start,
    close,
    next: () =>
      storeCall('the reading of events', () =>
        read().catch((error: unknown) => {
          if (LOST.some((code) => hasCode(error, code))) return 'lost';
          throw error;
        })),
  };
}

/** Of the change; else of the stream, which advances even without matching changes. */
function positionOf(stream: Stream, change: ChangeStreamDocument<Document> | null = null): string {
  const token = (change?._id ?? stream.resumeToken) as { _data: string };
  return token._data;
}
