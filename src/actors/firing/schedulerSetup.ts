/** Vocabulary of the scheduler machine (scheduler.ts): its actors, actions, guards and delays. */
import { assign, enqueueActions, fromPromise, sendParent, setup } from 'xstate';
import { type ClaimVerdict, verdictOn } from '../../domain/firing/claimVerdict.ts';
import { behind } from '../../domain/firing/queueSearch.ts';
import type { Watermark } from '../../domain/leadership/watermark.ts';
import { isUnowned, type Run } from '../../domain/runs/run.ts';
import type { LeaseEvent } from '../leadership/electionEvents.ts';
import type { MirrorEvent } from '../schedules/mirrorEvents.ts';
import type { RunsEvent } from '../runs/runEvents.ts';
import { unfilled } from '../shared/slot.ts';
import { StoreRefused } from '../shared/storeErrors.ts';
import { settler, termBeganMs } from './claimBatch.ts';
import type { ClaimBatch, ClaimResult, TimingKey } from './claimStore.ts';
import { groupBySchedule } from './claimVerdict.ts';
import { freePlacesOf, startingOf, takePlacesFor } from './claimPlaces.ts';
import { takeChange, takeSnapshot } from './mirrored.ts';
import type { SchedulerContext, SchedulerInput } from './schedulerContext.ts';

/**
 * Occurrences per claim transaction, at most (G9): starting the runs of one blocks the event loop for
 * tens of milliseconds.
 */
const MAX_BATCH = 100;
/** With more occurrences that may be claimed already, the store is read first, for so many schedules at once. */
const SURVEYED_OVER = 100;
export const MAX_SURVEYED = 100;
/** Error bound of a leader's estimate of the server's clock, ms. */
const CLOCK_ERROR_MS = 1000;
/** Longest wait between checks of the queue, ms: the server's clock may have been stepped. */
const LONGEST_WAIT_MS = 1000;

export const scheduler = setup({
  types: {
    context: {} as SchedulerContext,
    input: {} as SchedulerInput,
    events: {} as MirrorEvent | LeaseEvent,
  },
  actors: {
    /** The newest claimed occurrence of each timing. */
    survey: fromPromise<Map<string, number>, { of: TimingKey[] }>(unfilled('scheduler', 'survey')),
    /** One claim transaction. The slot renews the trust window, and samples the server's clock. */
    claim: fromPromise<ClaimResult, ClaimBatch>(unfilled('scheduler', 'claim')),
    /** Which of the runs of a claim without an answer are durably ours. */
    resolve: fromPromise<Run[], { runs: Run[] }>(unfilled('scheduler', 'resolve')),
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
    retryBlocked: ({ context: { backlog, progress } }) => {
      if (backlog.takeNews()) progress.queue.unblock();
    },
    /** An earlier leader may have claimed much that is after the watermark. */
    findUnsurveyed: assign({
      unsurveyed: ({ context }) =>
        behind(
          context.progress.queue,
          Math.min(Math.floor(context.serverNowMs()), context.inheritedThroughMs),
          SURVEYED_OVER,
        ),
    }),
    noteSurvey: assign(({ context }, { newest }: { newest: ReadonlyMap<string, number> }) => {
      const { unsurveyed, progress: { queue }, grant } = context;
      for (const schedule of unsurveyed.slice(0, MAX_SURVEYED)) {
        queue.surveyed(schedule, newest.get(schedule.id) ?? null, grant?.term ?? 0);
      }
      return { unsurveyed: unsurveyed.slice(MAX_SURVEYED) };
    }),
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
      queue.take(settler(context), MAX_BATCH, (id) => context.backlog.hasRoom(id));
      for (const { schedule, settlement } of queue.taken) {
        takePlacesFor(settlement.runs, context.places, context.backlog);
        context.jobs.claiming(schedule);
      }
    },
    /** Drops the grant of the fenced claim; keeps a newer one, won meanwhile. */
    loseFenced: assign({
      grant: ({ context }) => context.grant?.term === context.claimTerm ? null : context.grant,
    }),
    /** Runs that found no place wait for one. */
    tellExecutor: enqueueActions(({ enqueue }, { runs }: { runs: Run[] }) => {
      if (runs.some(isUnowned)) enqueue(sendParent({ type: 'RUNS.AVAILABLE' } satisfies RunsEvent));
    }),
    /** Marks each schedule of the batch settled, owed or stale; hands its job the runs to execute. */
    finish: (
      { context: { progress: { queue }, jobs, places, claimBeganMs } },
      { runs, verdict }: { runs: Run[]; verdict: ClaimVerdict },
    ) => {
      const bySchedule = groupBySchedule(runs);
      for (const { schedule, settlement, entry } of queue.taken) {
        const { id } = schedule;
        const starting = startingOf(settlement.runs, bySchedule.get(id) ?? []);
        freePlacesOf(settlement.runs, starting, places);
        // A schedule deleted meanwhile owes nothing more, and its job has nothing to wait for. Its
        // claimed runs still execute.
        if (verdictOn(verdict, id) === 'owed' && queue.get(id) === entry) jobs.unclaimed(id);
        else jobs.claimed(id, starting, claimBeganMs);
      }
      queue.finish(verdict);
    },
  },
  guards: {
    isDue: ({ context }) =>
      context.progress.queue.nextDueMs() <= Math.floor(context.serverNowMs()) && context.isTrusted(),
    leads: ({ context }) => context.grant !== null,
    isBehind: ({ context }) => context.unsurveyed.length > 0,
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
});
