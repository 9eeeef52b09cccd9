/**
 * The term history: how each term began and ended, written by the winner of the term.
 *
 *   idle ──WON──▶ holdingBack ──▶ writing ──written──▶ idle, or the next one
 *                                 │ ▲
 *                                 ▼ │ no answer
 *                                waiting
 *
 * The history is for display; no guarantee depends on it. So the new leader fires first, and writes a
 * moment later. But no term is left out: each write is retried until it succeeds, even after the
 * leadership has ended.
 *
 * Can never happen: two terms recorded as one; a term lost because its leader died (its successor
 * writes it as well).
 */
import { assign, fromPromise, setup } from 'xstate';
import type { Acquisition } from '../../domain/leadership/lease.ts';
import { HEAD_START_MS } from './headStart.ts';
import { unfilled } from '../shared/slot.ts';

interface Context {
  unwritten: readonly Acquisition[];
}

export const termHistoryMachine = setup({
  types: { context: {} as Context, events: {} as { type: 'WON'; acquisition: Acquisition } },
  actors: { write: fromPromise<void, Acquisition>(unfilled('termHistory', 'write')) },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('termHistory', 'report')(),
    keep: assign({
      unwritten: (
        { context },
        { acquisition }: { acquisition: Acquisition },
      ) => [...context.unwritten, acquisition],
    }),
    forgetWritten: assign({ unwritten: ({ context }) => context.unwritten.slice(1) }),
  },
  guards: {
    hasMore: ({ context }) => context.unwritten.length > 0,
  },
  delays: { headStart: HEAD_START_MS, retry: 500 },
}).createMachine({
  id: 'termHistory',
  context: { unwritten: [] },
  initial: 'idle',
  on: {
    WON: { actions: { type: 'keep', params: ({ event }) => event } },
  },
  states: {
    idle: { always: { guard: 'hasMore', target: 'holdingBack' } },
    holdingBack: { after: { headStart: 'writing' } },
    writing: {
      invoke: {
        src: 'write',
        input: ({ context }) => context.unwritten[0] as Acquisition,
        onDone: { target: 'idle', actions: 'forgetWritten' },
        onError: {
          target: 'waiting',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'a term could not be recorded; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    waiting: { after: { retry: 'writing' } },
  },
});
