/**
 * The scheduler fires occurrences. One per replica, always warm, active only while the replica leads.
 *
 *   idle ──won the lease──▶ waiting ──something is due──▶ claiming ──committed──▶ waiting
 *                                                            │
 *                                                            ├──no answer──▶ resolving ⇄ unresolved ──answer──▶ waiting
 *                                                            └──refused──▶ unresolved
 *
 * The mirror supplies the schedules, the election the leadership, and the due queue the wake-up time.
 * One transaction claims all that is due at one moment (group commit); the next one takes what falls
 * due meanwhile. A committed claim goes to the jobs, which run it whatever happens to the leadership
 * afterwards (G7).
 *
 * The lease may be lost, or about to be released (`LEASE.ENDING`), at any moment: the machine always
 * waits for a claim in flight, returns to `idle`, and only then sends `SCHEDULER.STOOD_DOWN`. A claim
 * without an answer may have committed: nothing else is claimed until `resolve` has an answer. It
 * retries without limit, leader or not, since those runs are ours to execute. A store that refuses
 * claims may answer everything else: the machine backs off first, or it would claim as fast as the
 * store refuses.
 *
 * A schedule that this version does not understand is set aside: it stays out of the queue, so that
 * it blocks no other, and the watermark records its position separately. The first leader that
 * understands it continues there.
 *
 * The server's clock may be set back while we lead. Nothing settled is claimed again; what is due
 * from then on follows the clock as it is now, and so does the beginning of the term. Until we have
 * sampled it, what was created since seems overdue: the store refuses that claim as early, returns
 * its time, and we wait by that.
 *
 * Can never happen: two claims in flight; a claim begun outside the trust window; the watermark past
 * something owed (the queue ensures it); a run started that isn't durable.
 */
import { assign, fromPromise, not, sendParent, setup } from 'xstate';
import { type ClaimVerdict, verdictOn } from '../../domain/firing/claimVerdict.ts';
import type { Watermark } from '../../domain/leadership/watermark.ts';
import type { Run } from '../../domain/runs/run.ts';
import type { LeaseEvent, SchedulerEvent } from '../leadership/electionEvents.ts';
import type { MirrorEvent } from '../schedules/mirrorEvents.ts';
import { unfilled } from '../shared/slot.ts';
import { StoreRefused } from '../shared/storeErrors.ts';
import { claimBatch, settler, termBeganMs } from './claimBatch.ts';
import type { ClaimBatch, ClaimResult } from './claimStore.ts';
import { committed, groupBySchedule, resolved } from './claimVerdict.ts';
import { takeChange, takeSnapshot } from './mirrored.ts';
import type { SchedulerContext, SchedulerInput } from './schedulerContext.ts';

/**
 * Occurrences per claim transaction, at most (G9): starting the runs of one blocks the event loop for
 * tens of milliseconds.
 */
const MAX_BATCH = 100;
/** Error bound of a leader's estimate of the server's clock, ms. */
const CLOCK_ERROR_MS = 1000;
/** Longest wait between checks of the queue, ms: the server's clock may have been stepped. */
const LONGEST_WAIT_MS = 1000;

export const schedulerMachine = setup({
  types: {
    context: {} as SchedulerContext,
    input: {} as SchedulerInput,
    events: {} as MirrorEvent | LeaseEvent,
  },
  actors: {
    /** One claim transaction. The slot renews the trust window, and samples the server's clock. */
    claim: fromPromise<ClaimResult, ClaimBatch>(unfilled('scheduler', 'claim')),
    /** Which of the runs of a claim without an answer are durably ours. */
    resolve: fromPromise<Run[], { runs: Run[]; boot: string }>(unfilled('scheduler', 'resolve')),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('scheduler', 'report')(),
    /** After each committed claim, for logs and metrics. */
    claimed: (_, _params: { runs: Run[]; duplicates: string[]; stale: string[] }) =>
      unfilled('scheduler', 'claimed')(),
    mirrorLoaded: ({ context, event }) => {
      if (event.type === 'MIRROR.LOADED') takeSnapshot(context, event);
    },
    mirrorChanged: ({ context, event }) => {
      if (event.type === 'MIRROR.CHANGED') takeChange(context, event.change);
    },
    unhold: ({ context }) => context.progress.queue.unhold(),
    noteProgress: ({ context, event }) => {
      if (event.type === 'MIRROR.PROGRESS') context.progress.noteMirrored(event.throughMs);
    },
    advance: ({ context: { progress } }) => progress.queue.advance(progress.mark),
    noteMark: ({ context }, { mark }: { mark: Watermark }) => context.progress.noteMark(mark),
    begin: assign(({ event }) => {
      if (event.type !== 'LEASE.WON') return {};
      const { grant, lease } = event;
      return {
        grant,
        termBeganMs: lease.acquired_at?.getTime() ?? 0,
        inheritedThroughMs: Math.max(lease.watermark.claimedThroughMs, event.lastClaimMs + CLOCK_ERROR_MS),
        ending: false,
      };
    }),
    /** The later watermark of the lease's and ours: a recreated lease may lack what ours has. */
    adoptMarks: ({ context: { progress } }) => progress.queue.adoptMarks(progress.mark),
    /** The server's clock may have been set back to before the beginning of the term. */
    noteClock: assign({ termBeganMs: ({ context }) => termBeganMs(context) }),
    lose: assign({ grant: null }),
    end: assign({ grant: null, ending: true }),
    answerEnding: assign({ ending: false }),
    noteClaim: assign({
      claimTerm: ({ context }) => context.grant?.term ?? 0,
      claimNumber: ({ context }) => context.claimNumber + 1,
      latestClaimMs: ({ context }) => Math.max(context.latestClaimMs, context.serverNowMs()),
      claimBeganMs: ({ context }) => context.monotonicMs(),
    }),
    take: ({ context }) => {
      const { queue } = context.progress;
      queue.take(settler(context), MAX_BATCH);
      for (const { schedule } of queue.taken) context.jobs.claiming(schedule);
    },
    /** Drops the grant of the fenced claim; keeps a newer one, won meanwhile. */
    loseFenced: assign({
      grant: ({ context }) => context.grant?.term === context.claimTerm ? null : context.grant,
    }),
    /** Marks each schedule of the batch settled, owed or stale; hands its job the runs to execute. */
    finish: (
      { context: { progress: { queue }, jobs, claimBeganMs } },
      { runs, verdict }: { runs: Run[]; verdict: ClaimVerdict },
    ) => {
      const bySchedule = groupBySchedule(runs);
      for (const { schedule, entry } of queue.taken) {
        const { id } = schedule;
        // A schedule deleted meanwhile owes nothing more, and its job has nothing to wait for. Its
        // claimed runs still execute.
        if (verdictOn(verdict, id) === 'owed' && queue.get(id) === entry) jobs.unclaimed(id);
        else jobs.claimed(schedule, bySchedule.get(id) ?? [], claimBeganMs);
      }
      queue.finish(verdict);
    },
  },
  guards: {
    isDue: ({ context }) =>
      context.progress.queue.nextDueMs() <= Math.floor(context.serverNowMs()) && context.isTrusted(),
    leads: ({ context }) => context.grant !== null,
    isRefused: (_, { error }: { error: unknown }) => error instanceof StoreRefused,
    isEarly: (_, { kind }: Pick<ClaimResult, 'kind'>) => kind === 'early',
    isFenced: (_, { kind }: Pick<ClaimResult, 'kind'>) => kind === 'fenced',
  },
  delays: {
    untilDue: ({ context }) => {
      const delayMs = context.progress.queue.nextDueMs() - context.serverNowMs();
      return Math.min(Math.max(Math.ceil(delayMs), 1), LONGEST_WAIT_MS);
    },
    retry: 100,
  },
}).createMachine({
  id: 'scheduler',
  context: ({ input }) => ({
    ...input,
    grant: null,
    termBeganMs: 0,
    inheritedThroughMs: 0,
    latestClaimMs: -Infinity,
    claimTerm: 0,
    claimNumber: 0,
    claimBeganMs: -Infinity,
    ending: false,
  }),
  initial: 'idle',
  on: {
    'MIRROR.LOADED': { actions: 'mirrorLoaded' },
    'MIRROR.CHANGED': { actions: 'mirrorChanged' },
    'MIRROR.PROGRESS': { actions: ['noteProgress', 'unhold'] },
    'LEASE.SEEN': { actions: [{ type: 'noteMark', params: ({ event }) => event }, 'advance'] },
    'LEASE.WON': {
      actions: [
        'begin',
        { type: 'noteMark', params: ({ event }) => ({ mark: event.lease.watermark }) },
        'adoptMarks',
        'advance',
      ],
    },
    'LEASE.LOST': { actions: 'lose' },
    'LEASE.ENDING': { actions: 'end' },
  },
  states: {
    idle: {
      entry: ({ context }) => context.jobs.withdraw(),
      always: [
        {
          guard: ({ context }) => context.ending,
          actions: ['answerEnding', sendParent({ type: 'SCHEDULER.STOOD_DOWN' } satisfies SchedulerEvent)],
        },
        { guard: 'leads', target: 'waiting' },
      ],
    },
    waiting: {
      entry: 'noteClock',
      always: [
        { guard: not('leads'), target: 'idle' },
        { guard: 'isDue', target: 'claiming' },
      ],
      after: { untilDue: { target: 'waiting', reenter: true } },
      on: {
        // The next due time may have changed: restart the timer.
        'MIRROR.LOADED': { target: 'waiting', reenter: true, actions: 'mirrorLoaded' },
        'MIRROR.CHANGED': { target: 'waiting', reenter: true, actions: 'mirrorChanged' },
        'MIRROR.PROGRESS': { target: 'waiting', reenter: true, actions: ['noteProgress', 'unhold'] },
      },
    },
    claiming: {
      entry: ['noteClaim', 'take'],
      invoke: {
        src: 'claim',
        input: ({ context }) => claimBatch(context),
        onDone: [
          {
            guard: { type: 'isFenced', params: ({ event }) => event.output },
            target: 'waiting',
            actions: [
              { type: 'finish', params: { runs: [], verdict: { others: 'owed' } } },
              sendParent(({ context }) => (
                { type: 'SCHEDULER.FENCED', term: context.claimTerm } satisfies SchedulerEvent
              )),
              'loseFenced',
            ],
          },
          {
            guard: { type: 'isEarly', params: ({ event }) => event.output },
            target: 'waiting',
            actions: { type: 'finish', params: { runs: [], verdict: { others: 'owed' } } },
          },
          {
            target: 'waiting',
            actions: [
              {
                type: 'noteMark',
                params: ({ event }) => ({ mark: committed(event.output).lease.watermark }),
              },
              { type: 'finish', params: ({ event }) => committed(event.output) },
              { type: 'claimed', params: ({ event }) => committed(event.output) },
            ],
          },
        ],
        onError: [
          {
            guard: { type: 'isRefused', params: ({ event }) => event },
            target: 'unresolved',
            actions: {
              type: 'report',
              params: ({ event }) => ({
                message: 'a claim was refused; making it again when it is sure that nothing was committed',
                error: event.error,
              }),
            },
          },
          {
            target: 'resolving',
            actions: {
              type: 'report',
              params: ({ event }) => ({
                message: 'a claim got no answer; finding out whether it was committed',
                error: event.error,
              }),
            },
          },
        ],
      },
    },
    resolving: {
      invoke: {
        src: 'resolve',
        input: ({ context: { progress: { queue }, boot } }) => ({
          runs: queue.taken.flatMap((one) => one.settlement.runs),
          boot,
        }),
        onDone: {
          target: 'waiting',
          actions: { type: 'finish', params: ({ event }) => resolved(event.output) },
        },
        onError: 'unresolved',
      },
    },
    unresolved: { after: { retry: 'resolving' } },
  },
});
