/**
 * Adoption: runs whose executor died become unowned, so that another takes them (executor.ts), or end, by
 * their policy (G7). One per replica, active only while the replica leads.
 *
 *   idle ──won the lease──▶ holdingBack ──▶ searching ──orphans──▶ adopting ──answered──▶ resting, or searching for more
 *                                           ▲    │                  │
 *                                           │  none, no answer      │ no answer
 *                                           └─ resting ◀────────────┘
 *
 * executorWatch.ts decides when an executor counts as dead, life.ts what becomes of its runs.
 *
 * Each adoption is a compare-and-set on the attempt and the executor as found. One without an answer may
 * have taken effect; the next search finds what is left. The lease may be lost, or about to be released, at
 * any moment: then the search ends, and nothing is decided outside the trust window. Concurrent adoptions by
 * two leaders are harmless: one compare-and-set fails, or both set the same.
 *
 * Can never happen: a run taken from an executor whose heartbeats arrive; two adoptions in flight at once.
 */
import { assign, fromPromise, not, setup } from 'xstate';
import { lost, type RunChange } from '../../domain/runs/life.ts';
import type { Run } from '../../domain/runs/run.ts';
import type { LeaseEvent } from '../leadership/electionEvents.ts';
import { HEAD_START_MS } from '../leadership/headStart.ts';
import { unfilled } from '../shared/slot.ts';
import { continued, type ExecutorWatch, hasLastedLongEnough } from './executorWatch.ts';

/** Runs in one adoption, at most (G9). */
export const MAX_ADOPTED = 500;

export interface AdoptionInput {
  boot: string;
  /** Server time, epoch ms. */
  serverNowMs: () => number;
  monotonicMs: () => number;
  /** When the server's clock was last found to have been set, monotonic ms; -Infinity if never. */
  clockSetMs: () => number;
  /** Whether the trust window is open. */
  isTrusted: () => boolean;
}

interface Context extends AdoptionInput {
  leads: boolean;
  watch: ExecutorWatch | null;
  changes: RunChange[];
}

export const adoptionMachine = setup({
  types: { context: {} as Context, input: {} as AdoptionInput, events: {} as LeaseEvent },
  actors: {
    /**
     * Open runs of other executors that were not seen for `DEAD_AFTER_MS`. When there are some, samples the
     * server's clock afterwards.
     */
    search: fromPromise<Run[], { boot: string }>(unfilled('adoption', 'search')),
    /** Makes the changes, and returns the runs that have taken them on. */
    adopt: fromPromise<Run[], { changes: readonly RunChange[] }>(unfilled('adoption', 'adopt')),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('adoption', 'report')(),
    /** The orphans as they are now, for logs and metrics. */
    adopted: (_, _params: { runs: Run[] }) => unfilled('adoption', 'adopted')(),
    begin: assign({ leads: true, watch: null }),
    end: assign({ leads: false }),
    continueWatch: assign({ watch: ({ context }) => continued(context.watch, context) }),
    interruptWatch: assign({ watch: null }),
    decide: assign({
      changes: ({ context }, { orphans }: { orphans: Run[] }) => changesOf(context, orphans),
    }),
  },
  guards: {
    leads: ({ context }) => context.leads,
    hasChanges: ({ context }) => context.changes.length > 0,
    mayBeMore: ({ context }) => context.changes.length >= MAX_ADOPTED,
  },
  delays: { headStart: HEAD_START_MS, interval: 1000 },
}).createMachine({
  id: 'adoption',
  context: ({ input }) => ({ ...input, leads: false, watch: null, changes: [] }),
  initial: 'idle',
  on: {
    'LEASE.WON': { actions: 'begin' },
    'LEASE.LOST': { actions: 'end' },
    'LEASE.ENDING': { actions: 'end' },
  },
  states: {
    idle: { always: { guard: 'leads', target: 'holdingBack' } },
    /** What fell due without a leader is claimed first. */
    holdingBack: { always: { guard: not('leads'), target: 'idle' }, after: { headStart: 'searching' } },
    searching: {
      always: { guard: not('leads'), target: 'idle' },
      invoke: {
        src: 'search',
        input: ({ context: { boot } }) => ({ boot }),
        onDone: {
          target: 'deciding',
          actions: ['continueWatch', { type: 'decide', params: ({ event }) => ({ orphans: event.output }) }],
        },
        onError: {
          target: 'resting',
          actions: [
            'interruptWatch',
            {
              type: 'report',
              params: ({ event }) => ({
                message: 'orphaned runs could not be searched for; retrying',
                error: event.error,
              }),
            },
          ],
        },
      },
    },
    deciding: { always: [{ guard: 'hasChanges', target: 'adopting' }, { target: 'resting' }] },
    adopting: {
      invoke: {
        src: 'adopt',
        input: ({ context: { changes } }) => ({ changes }),
        onDone: [
          {
            guard: 'mayBeMore',
            target: 'searching',
            actions: { type: 'adopted', params: ({ event }) => ({ runs: event.output }) },
          },
          {
            target: 'resting',
            actions: { type: 'adopted', params: ({ event }) => ({ runs: event.output }) },
          },
        ],
        onError: {
          target: 'resting',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'an adoption of runs got no answer; searching again',
              error: event.error,
            }),
          },
        },
      },
    },
    resting: {
      always: { guard: not('leads'), target: 'idle' },
      after: { interval: 'searching' },
    },
  },
});

function changesOf({ watch, leads, serverNowMs, isTrusted }: Context, orphans: readonly Run[]): RunChange[] {
  if (watch === null || !leads || !isTrusted() || !hasLastedLongEnough(watch)) return [];
  const at = new Date(Math.floor(serverNowMs()));
  return orphans.map((run) => lost(run, at));
}
