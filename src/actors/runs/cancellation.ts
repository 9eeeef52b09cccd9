/**
 * Cancellation: finds the runs of this replica whose attempt is to be aborted, and aborts it. One per replica.
 *
 *   waiting ──a hint, or a while with live runs──▶ looking ──answered──▶ waiting
 *
 * A request to cancel is written on the run (life.ts). The hint (`RUNS.CANCELLED`) makes it quick; polling is
 * authoritative. An attempt that ends by itself in the meantime ends its run: no other follows.
 */
import { assign, fromPromise, setup } from 'xstate';
import type { Run } from '../../domain/runs/run.ts';
import { unfilled } from '../shared/slot.ts';
import type { JobPool } from './jobs.ts';
import type { RunsEvent } from './runEvents.ts';

export interface CancellationInput {
  jobs: JobPool;
  boot: string;
}

interface Context extends CancellationInput {
  /** Asked for since the last look began. */
  hinted: boolean;
}

export const cancellationMachine = setup({
  types: { context: {} as Context, input: {} as CancellationInput, events: {} as RunsEvent },
  actors: { look: fromPromise<Run[], { boot: string }>(unfilled('cancellation', 'look')) },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('cancellation', 'report')(),
    note: assign({ hinted: true }),
    forget: assign({ hinted: false }),
    cancel: ({ context: { jobs } }, { runs }: { runs: Run[] }) => runs.forEach((run) => jobs.cancel(run)),
  },
  guards: {
    isHinted: ({ context }) => context.hinted && context.jobs.hasRuns(),
    hasRuns: ({ context }) => context.jobs.hasRuns(),
  },
  delays: { interval: 1000 },
}).createMachine({
  id: 'cancellation',
  context: ({ input }) => ({ ...input, hinted: false }),
  initial: 'waiting',
  on: { 'RUNS.CANCELLED': { actions: 'note' } },
  states: {
    waiting: {
      always: { guard: 'isHinted', target: 'looking' },
      after: { interval: [{ guard: 'hasRuns', target: 'looking' }, { target: 'waiting', reenter: true }] },
    },
    looking: {
      entry: 'forget',
      invoke: {
        src: 'look',
        input: ({ context: { boot } }) => ({ boot }),
        onDone: {
          target: 'waiting',
          actions: { type: 'cancel', params: ({ event }) => ({ runs: event.output }) },
        },
        onError: {
          target: 'waiting',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'requests to cancel runs could not be looked for; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
  },
});
