/**
 * The replica: the lifecycle of one process, and the event router of its actors.
 *
 *   connecting ──the mirror is loaded──▶ standingBy ──STOP──▶ draining ──▶ stopped
 *
 * - connecting: the mirror retries until the store answers, creates what the store lacks, and loads
 *   the schedules. Until then the replica takes no part in the election: a leader must know what to
 *   fire.
 * - standingBy: the election runs, and the executor takes runs; while this replica holds the lease, the
 *   scheduler fires, and the adoption takes care of orphans. A later outage of the store changes nothing here: the actors
 *   retry by themselves, and the election ends a term that can't be renewed.
 * - draining (G8): release the lease at once, after the batch in flight; take no more runs; let started ones end, within
 *   the grace period; write the last outcomes; remove the presence entry.
 *
 * Every state handles STOP. Can never happen: an election without a mirror; outcomes dropped while
 * the store answers and time is left.
 */
import { assign, fromPromise, sendTo, setup, spawnChild } from 'xstate';
import type { Role } from '../domain/membership/replica.ts';
import { type AdoptionInput, adoptionMachine } from './runs/adoption.ts';
import { type CancellationInput, cancellationMachine } from './runs/cancellation.ts';
import { type ExecutorInput, executorMachine } from './runs/executor.ts';
import type { RunsEvent } from './runs/runEvents.ts';
import { electionMachine } from './leadership/election.ts';
import type { ElectionInput } from './leadership/electionSetup.ts';
import type { ElectionEvent, ElectionNews, LeaseEvent, SchedulerEvent } from './leadership/electionEvents.ts';
import type { MirrorEvent } from './schedules/mirrorEvents.ts';
import type { StopEvent } from './shared/stopEvent.ts';
import { termHistoryMachine } from './leadership/termHistory.ts';
import { mirrorMachine } from './schedules/mirror.ts';
import { outcomesMachine } from './runs/outcomes.ts';
import { type PresenceInput, presenceMachine } from './membership/presence.ts';
import type { SchedulerInput } from './firing/schedulerContext.ts';
import { schedulerMachine } from './firing/scheduler.ts';
import { unfilled } from './shared/slot.ts';

export interface ReplicaInput {
  election: ElectionInput;
  scheduler: SchedulerInput;
  executor: ExecutorInput;
  cancellation: CancellationInput;
  adoption: AdoptionInput;
  presence: PresenceInput;
  /** Grace period for runs after STOP, ms. */
  graceMs: number;
}

/** XState's events for a child in its final state. */
type ChildDone = { type: 'xstate.done.actor.outcomes' } | { type: 'xstate.done.actor.presence' };

interface Context extends ReplicaInput {
  role: Role;
  /** The type of the event that led to the role; null initially. */
  roleBy: string | null;
}

export const replicaMachine = setup({
  types: {
    context: {} as Context,
    input: {} as ReplicaInput,
    events: {} as
      | LeaseEvent
      | ElectionEvent
      | SchedulerEvent
      | MirrorEvent
      | RunsEvent
      | ChildDone
      | StopEvent,
    children: {} as {
      mirror: 'mirror';
      scheduler: 'scheduler';
      executor: 'executor';
      cancellation: 'cancellation';
      adoption: 'adoption';
      election: 'election';
      outcomes: 'outcomes';
      presence: 'presence';
      termHistory: 'termHistory';
    },
  },
  actors: {
    mirror: mirrorMachine,
    scheduler: schedulerMachine,
    executor: executorMachine,
    cancellation: cancellationMachine,
    adoption: adoptionMachine,
    election: electionMachine,
    outcomes: outcomesMachine,
    presence: presenceMachine,
    termHistory: termHistoryMachine,
    /** Resolves when no run is live, and none is being taken. */
    runsEnded: fromPromise<void>(unfilled('replica', 'runsEnded')),
  },
  actions: {
    report: (_, _params: { message: string }) => unfilled('replica', 'report')(),
    /** Election news, for logs. */
    log: (_, _params: ElectionNews) => unfilled('replica', 'log')(),
    /** Aborts the live runs; records no outcomes. */
    giveUpRuns: () => unfilled('replica', 'giveUpRuns')(),
    noteRole: assign((_, { role, by }: { role: Role; by: string }) => ({ role, roleBy: by })),
    announceRole: sendTo('presence', ({ context: { role, roleBy } }) => ({ type: 'ROLE', role, by: roleBy })),
    startElection: spawnChild('election', { id: 'election', input: ({ context }) => context.election }),
    startExecutor: spawnChild('executor', { id: 'executor', input: ({ context }) => context.executor }),
    startCancellation: spawnChild('cancellation', {
      id: 'cancellation',
      input: ({ context }) => context.cancellation,
    }),
    startPresence: spawnChild('presence', { id: 'presence', input: ({ context }) => context.presence }),
  },
  delays: { grace: ({ context }) => context.graceMs, lastWords: 3000 },
}).createMachine({
  id: 'replica',
  context: ({ input }) => ({ ...input, role: 'follower', roleBy: null }),
  invoke: [
    { src: 'scheduler', id: 'scheduler', input: ({ context }) => context.scheduler },
    { src: 'adoption', id: 'adoption', input: ({ context }) => context.adoption },
    { src: 'mirror', id: 'mirror' },
    { src: 'termHistory', id: 'termHistory' },
    { src: 'outcomes', id: 'outcomes', systemId: 'outcomes' },
  ],
  initial: 'connecting',
  on: {
    'MIRROR.*': { actions: sendTo('scheduler', ({ event }) => event) },
    'LEASE.*': {
      actions: [
        sendTo('scheduler', ({ event }) => event),
        sendTo('executor', ({ event }) => event),
        sendTo('adoption', ({ event }) => event),
      ],
    },
    'RUNS.*': {
      actions: [
        sendTo('executor', ({ event }) => event),
        sendTo('cancellation', ({ event }) => event),
      ],
    },
    'SCHEDULER.*': { actions: sendTo('election', ({ event }) => event) },
    'ELECTION.ROLE': {
      actions: [
        { type: 'log', params: ({ event }) => event },
        { type: 'noteRole', params: ({ event }) => event },
        'announceRole',
      ],
    },
    'ELECTION.BEGAN': {
      actions: [
        { type: 'log', params: ({ event }) => event },
        sendTo('termHistory', ({ event }) => ({ type: 'WON', acquisition: event.acquisition })),
      ],
    },
    'ELECTION.ENDED': { actions: { type: 'log', params: ({ event }) => event } },
  },
  states: {
    connecting: {
      on: {
        'MIRROR.LOADED': {
          target: 'standingBy',
          actions: [
            sendTo('scheduler', ({ event }) => event),
            ...['startPresence', 'startExecutor', 'startCancellation', 'startElection'] as const,
          ],
        },
        STOP: 'stopped',
      },
    },
    standingBy: { on: { STOP: 'draining' } },
    draining: {
      initial: 'resigning',
      states: {
        resigning: {
          entry: [sendTo('election', { type: 'STOP' }), sendTo('executor', { type: 'STOP' })],
          on: {
            'ELECTION.STOPPED': {
              target: 'finishing',
              actions: { type: 'noteRole', params: ({ event }) => ({ role: 'draining', by: event.by }) },
            },
          },
        },
        finishing: {
          entry: 'announceRole',
          invoke: { src: 'runsEnded', onDone: 'recording' },
          after: {
            grace: {
              target: 'recording',
              actions: [
                {
                  type: 'report',
                  params: { message: 'the grace period is over; runs that go on are given up' },
                },
                'giveUpRuns',
              ],
            },
          },
        },
        recording: {
          entry: sendTo('outcomes', { type: 'STOP' }),
          on: { 'xstate.done.actor.outcomes': 'leaving' },
          after: {
            lastWords: {
              target: 'leaving',
              actions: {
                type: 'report',
                params: { message: 'the store does not answer; the last outcomes are given up' },
              },
            },
          },
        },
        leaving: {
          entry: sendTo('presence', { type: 'STOP' }),
          on: { 'xstate.done.actor.presence': '#replica.stopped' },
          after: { lastWords: '#replica.stopped' },
        },
      },
    },
    stopped: { type: 'final' },
  },
});
