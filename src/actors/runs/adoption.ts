/**
 * Adoption: runs whose executor died become ours, or end, by their schedule's policy (G7). So do
 * manual runs, which have no executor yet. One per replica, active only while the replica leads.
 *
 *   idle ──won the lease──▶ holdingBack ──▶ searching ──orphans──▶ adopting ──answered──▶ resting, or searching for more
 *                                           ▲    │                  │    ▲
 *                                           │  none, no answer      no answer
 *                                           │    ▼                  ▼    │
 *                                           └─ resting           unanswered
 *                                             (searching again at once when a run is requested)
 *
 * A manual run is stored when its request is answered, and begins when the leader finds it: after a
 * hint (`LEASE.REQUESTED`), or with the next search. That needs no dead executor.
 *
 * executorWatch.ts decides when an executor counts as dead, adoptionPlan.ts what to do with its runs.
 *
 * Each adoption is a compare-and-set on the attempt and the executor as found. An adoption without an
 * answer may have taken effect: it is repeated unchanged until answered, leader or not, since the runs
 * that it made ours are ours to execute. Only runs in the store's answer go to the jobs.
 *
 * The lease may be lost, or about to be released, at any moment: then the search ends, and nothing is
 * decided outside the trust window. Concurrent adoptions by two leaders are harmless: one
 * compare-and-set fails.
 *
 * Can never happen: a run adopted from an executor whose heartbeats arrive; a run of ours that no job
 * has; two adoptions in flight at once.
 */
import { assign, fromPromise, not, setup } from 'xstate';
import type { DueQueue } from '../../domain/firing/dueQueue.ts';
import type { Grant } from '../../domain/leadership/lease.ts';
import type { Adopted, Adopter, Adoption } from '../../domain/runs/adoption.ts';
import type { Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { LeaseEvent } from '../leadership/electionEvents.ts';
import { HEAD_START_MS } from '../leadership/headStart.ts';
import { unfilled } from '../shared/slot.ts';
import { type AdoptionPlan, NO_PLAN, planOf, type SearchResult, withManual } from './adoptionPlan.ts';
import { continued, type ExecutorWatch } from './executorWatch.ts';
import type { JobPool } from './jobs.ts';

export interface AdoptionInput {
  queue: DueQueue;
  jobs: JobPool;
  replica: string;
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
  grant: Grant | null;
  /** A run was requested after the last search began. */
  requested: boolean;
  watch: ExecutorWatch | null;
  plan: AdoptionPlan;
}

export const adoptionMachine = setup({
  types: { context: {} as Context, input: {} as AdoptionInput, events: {} as LeaseEvent },
  actors: {
    /**
     * Open runs of other executors that were not seen for `DEAD_AFTER_MS`. Looks up schedules that
     * the mirror lacks in the store: a mirror may lag, or receive old changes again. When an executor
     * seems dead, samples the server's clock afterwards.
     */
    search: fromPromise<SearchResult, { boot: string; knows: (scheduleId: string) => boolean }>(
      unfilled('adoption', 'search'),
    ),
    /** Makes the adoptions, and returns their results. Repeated after an error. */
    adopt: fromPromise<Adopted, { adoptions: readonly Adoption[]; by: Adopter }>(
      unfilled('adoption', 'adopt'),
    ),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('adoption', 'report')(),
    /** The results of each adoption, for logs and metrics. `manual`: how many of the runs users requested. */
    adopted: (_, _params: Adopted & { manual: number }) => unfilled('adoption', 'adopted')(),
    begin: assign({
      grant: ({ context, event }) => event.type === 'LEASE.WON' ? event.grant : context.grant,
      watch: null,
    }),
    lose: assign({ grant: null }),
    continueWatch: assign({ watch: ({ context }) => continued(context.watch, context) }),
    interruptWatch: assign({ watch: null }),
    noteRequest: assign({ requested: true }),
    answerRequests: assign({ requested: false }),
    decide: assign({ plan: ({ context }, found: SearchResult) => planOf(context, found) }),
    handOver: ({ context: { jobs, plan } }, { runs }: { runs: Run[] }) => {
      for (const run of runs) {
        jobs.adopted(plan.schedules.get(run.schedule_id) as Schedule, [run], plan.decidedMs);
      }
    },
  },
  guards: {
    leads: ({ context }) => context.grant !== null,
    isRequested: ({ context }) => context.requested,
    hasPlan: ({ context }) => context.plan.adoptions.length > 0,
    mayBeMore: ({ context }) => context.plan.more,
  },
  delays: { headStart: HEAD_START_MS, interval: 1000, retry: 200 },
}).createMachine({
  id: 'adoption',
  context: ({ input }) => ({ ...input, grant: null, requested: false, watch: null, plan: NO_PLAN }),
  initial: 'idle',
  on: {
    'LEASE.WON': { actions: 'begin' },
    'LEASE.LOST': { actions: 'lose' },
    'LEASE.ENDING': { actions: 'lose' },
    'LEASE.REQUESTED': { actions: 'noteRequest' },
  },
  states: {
    idle: { always: { guard: 'leads', target: 'holdingBack' } },
    /** What fell due without a leader is claimed first. */
    holdingBack: { always: { guard: not('leads'), target: 'idle' }, after: { headStart: 'searching' } },
    searching: {
      entry: 'answerRequests',
      always: { guard: not('leads'), target: 'idle' },
      invoke: {
        src: 'search',
        input: ({ context: { boot, queue } }) => ({ boot, knows: (id) => queue.get(id) !== undefined }),
        onDone: {
          target: 'deciding',
          actions: ['continueWatch', { type: 'decide', params: ({ event }) => event.output }],
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
    deciding: { always: [{ guard: 'hasPlan', target: 'adopting' }, { target: 'resting' }] },
    adopting: {
      invoke: {
        src: 'adopt',
        input: ({ context: { plan } }) => ({ adoptions: plan.adoptions, by: plan.by }),
        onDone: [
          {
            guard: 'mayBeMore',
            target: 'searching',
            actions: [
              { type: 'handOver', params: ({ event }) => event.output },
              { type: 'adopted', params: ({ context, event }) => withManual(context.plan, event.output) },
            ],
          },
          {
            target: 'resting',
            actions: [
              { type: 'handOver', params: ({ event }) => event.output },
              { type: 'adopted', params: ({ context, event }) => withManual(context.plan, event.output) },
            ],
          },
        ],
        onError: {
          target: 'unanswered',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'an adoption of runs got no answer; repeating it',
              error: event.error,
            }),
          },
        },
      },
    },
    unanswered: { after: { retry: 'adopting' } },
    resting: {
      always: [{ guard: not('leads'), target: 'idle' }, { guard: 'isRequested', target: 'searching' }],
      after: { interval: 'searching' },
    },
  },
});
