/**
 * The mirror: the change-stream actor. It keeps every replica warm: through the replica it feeds the
 * schedules to the scheduler.
 *
 *   loading ──snapshot──▶ following ──stream broke──▶ resuming ──▶ following
 *      ▲  ╲ no answer                                   │  ╲ no answer
 *      │   ▶ waitingToLoad ──▶ loading                  │   ▶ waitingToResume ──▶ resuming
 *      └────── the stream can't be resumed, or its collection is gone ──────┘
 *
 * A snapshot's stream begins before the snapshot is read, so no change is missed; receivers recognise
 * repeated changes as old. A broken stream resumes from its resume token. When its history is lost, a
 * fresh snapshot replaces everything.
 *
 * Can never happen: a change passed on before the snapshot that it follows; an event of an abandoned
 * stream passed on (streams are numbered, and only the current one's events count).
 */
import { assign, enqueueActions, fromPromise, sendParent, setup } from 'xstate';
import type { Watermark } from '../../domain/leadership/watermark.ts';
import type { MirrorChange, MirrorEvent } from './mirrorEvents.ts';
import type { FeedObserver, OpenFeed, ScheduleChange, Snapshot } from './scheduleFeed.ts';
import { unfilled } from '../shared/slot.ts';

type FeedEvent =
  | { type: 'FEED.CHANGED'; stream: number; change: ScheduleChange }
  | { type: 'FEED.PROGRESS'; stream: number; throughMs: number }
  | { type: 'FEED.FAILED'; stream: number; error: Error; resumable: boolean };

interface Loaded extends Snapshot {
  mark: Watermark;
}

interface Context {
  /** Number of the current stream. */
  stream: number;
  feed: OpenFeed | null;
  token: unknown;
  /** Events that arrive before the machine has noted the stream as open. */
  postponed: FeedEvent[];
}

export const mirrorMachine = setup({
  types: {
    context: {} as Context,
    events: {} as FeedEvent,
  },
  actors: {
    /** Prepares the store, reads the lease's watermark, then a snapshot with its stream. */
    load: fromPromise<Loaded, { observer: FeedObserver }>(unfilled('mirror', 'load')),
    /** Resumes after the token. The observer's `failed` reports an unusable token. */
    resume: fromPromise<OpenFeed, { observer: FeedObserver; token: unknown }>(unfilled('mirror', 'resume')),
  },
  actions: {
    /** An error that the machine handles. */
    report: (_, _params: { message: string; error: unknown }) => unfilled('mirror', 'report')(),
    nextStream: assign({ stream: ({ context }) => context.stream + 1, postponed: [] }),
    postpone: assign({ postponed: ({ context, event }) => [...context.postponed, event] }),
    replay: enqueueActions(({ context, enqueue }) => {
      for (const event of context.postponed) enqueue.raise(event);
      enqueue.assign({ postponed: [] });
    }),
    notify: sendParent((_, event: MirrorEvent) => event),
    closeFeed: assign(({ context }) => {
      const token = context.feed?.token() ?? context.token;
      context.feed?.close();
      return { feed: null, token };
    }),
  },
  guards: {
    hasNoToken: ({ context }) => context.token === null,
    isPresent: ({ context, event }) => event.stream === context.stream,
    isResumable: ({ context, event }) =>
      event.type === 'FEED.FAILED' && event.stream === context.stream && event.resumable,
    isInvalidated: ({ context, event }) =>
      event.type === 'FEED.CHANGED' && event.stream === context.stream && event.change.kind === 'invalidated',
  },
  delays: { retry: 500 },
}).createMachine({
  id: 'mirror',
  context: { stream: 0, feed: null, token: null, postponed: [] },
  initial: 'loading',
  states: {
    loading: {
      entry: 'nextStream',
      on: { 'FEED.*': { guard: 'isPresent', actions: 'postpone' } },
      invoke: {
        src: 'load',
        input: ({ context, self }) => ({ observer: observerFor(context.stream, self) }),
        onDone: {
          target: 'following',
          actions: [
            assign({ feed: ({ event }) => event.output.feed, token: null }),
            {
              type: 'notify',
              params: ({ event }) => ({
                type: 'MIRROR.LOADED',
                schedules: event.output.schedules,
                notUnderstood: event.output.notUnderstood,
                mark: event.output.mark,
              }),
            },
          ],
        },
        onError: {
          target: 'waitingToLoad',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the schedules could not be read; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    waitingToLoad: { after: { retry: 'loading' } },
    following: {
      entry: 'replay',
      exit: 'closeFeed',
      on: {
        'FEED.CHANGED': [
          {
            guard: 'isInvalidated',
            target: 'loading',
            actions: {
              type: 'report',
              params: { message: 'the collection of schedules is gone; reading a new snapshot', error: null },
            },
          },
          {
            guard: 'isPresent',
            actions: {
              type: 'notify',
              params: ({ event }) => ({ type: 'MIRROR.CHANGED', change: event.change as MirrorChange }),
            },
          },
        ],
        'FEED.PROGRESS': {
          guard: 'isPresent',
          actions: {
            type: 'notify',
            params: ({ event }) => ({ type: 'MIRROR.PROGRESS', throughMs: event.throughMs }),
          },
        },
        'FEED.FAILED': [
          {
            guard: 'isResumable',
            target: 'resuming',
            actions: {
              type: 'report',
              params: ({ event }) => ({ message: 'the change stream broke; resuming', error: event.error }),
            },
          },
          {
            guard: 'isPresent',
            target: 'loading',
            actions: {
              type: 'report',
              params: ({ event }) => ({
                message: 'the change stream cannot be resumed; reading a new snapshot',
                error: event.error,
              }),
            },
          },
        ],
      },
    },
    resuming: {
      entry: 'nextStream',
      always: { guard: 'hasNoToken', target: 'loading' },
      on: { 'FEED.*': { guard: 'isPresent', actions: 'postpone' } },
      invoke: {
        src: 'resume',
        input: ({ context, self }) => ({ token: context.token, observer: observerFor(context.stream, self) }),
        onDone: { target: 'following', actions: assign({ feed: ({ event }) => event.output }) },
        onError: {
          target: 'waitingToResume',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the change stream could not be resumed; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    waitingToResume: { after: { retry: 'resuming' } },
  },
});

/** Turns the feed's calls into machine events, tagged with the stream's number. */
function observerFor(stream: number, self: { send(event: FeedEvent): void }): FeedObserver {
  return {
    change: (change) => self.send({ type: 'FEED.CHANGED', stream, change }),
    progress: (throughMs) => self.send({ type: 'FEED.PROGRESS', stream, throughMs }),
    failed: (error, resumable) => self.send({ type: 'FEED.FAILED', stream, error, resumable }),
  };
}
