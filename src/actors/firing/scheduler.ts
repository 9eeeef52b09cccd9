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
 * After a leader that was behind (its runs waited for executors, say), much after the watermark may be claimed
 * already. Of such schedules the store is read first (`surveying`): the claims of each went in order, so all up
 * to the newest are settled, and none after it.
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
import { not, sendParent } from 'xstate';
import type { SchedulerEvent } from '../leadership/electionEvents.ts';
import { claimBatch, timingKey } from './claimBatch.ts';
import { committed, resolved } from './claimVerdict.ts';

import { MAX_SURVEYED, scheduler } from './schedulerSetup.ts';

export const schedulerMachine = scheduler.createMachine({
  id: 'scheduler',
  context: ({ input }) => ({
    ...input,
    grant: null,
    unsurveyed: [],
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
        'findUnsurveyed',
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
      entry: ['noteClock', 'retryBlocked'],
      always: [
        { guard: not('leads'), target: 'idle' },
        { guard: 'isBehind', target: 'surveying' },
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
    surveying: {
      always: { guard: not('leads'), target: 'idle' },
      invoke: {
        src: 'survey',
        input: ({ context }) => ({ of: context.unsurveyed.slice(0, MAX_SURVEYED).map(timingKey) }),
        onDone: {
          target: 'waiting',
          actions: { type: 'noteSurvey', params: ({ event }) => ({ newest: event.output }) },
        },
        onError: {
          target: 'unsurveyed',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'what earlier leaders have claimed could not be read; retrying',
              error: event.error,
            }),
          },
        },
      },
    },
    unsurveyed: { always: { guard: not('leads'), target: 'idle' }, after: { retry: 'waiting' } },
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
              { type: 'tellExecutor', params: ({ event }) => committed(event.output) },
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
        input: ({ context: { progress: { queue } } }) => ({
          runs: queue.taken.flatMap((one) => one.settlement.runs),
        }),
        onDone: {
          target: 'waiting',
          actions: [
            { type: 'finish', params: ({ event }) => resolved(event.output) },
            { type: 'tellExecutor', params: ({ event }) => resolved(event.output) },
          ],
        },
        onError: 'unresolved',
      },
    },
    unresolved: { after: { retry: 'resolving' } },
  },
});
