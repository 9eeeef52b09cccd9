/**
 * The job of one schedule.
 *
 *   waiting ──DUE──▶ due ──CLAIMING──▶ claiming ──CLAIMED──▶ running ──last run ended──▶ settled
 *      │  ◀─WITHDRAWN─▲ │                  │ │                  │
 *   PAUSED            │ └─PAUSED─┐     UNCLAIMED                └──DUE──▶ due (its runs go on meanwhile)
 *      ▼              └──────────┼─────────┘ └──CLAIMED, nothing to run──▶ settled
 *   paused ◀─────────────────────┘                    ADOPTED: its runs start, in every state
 *
 * Jobs are virtual: every schedule has one, but it is live only while it has something to do. A schedule that
 * waits, is paused, or is settled, with no run going on, is an entry of the due queue: the pool (jobs.ts)
 * drops the machine then and makes a new one when the schedule is due again.
 *
 * Which occurrences are due, and whether they may be claimed, is the scheduler's business (it claims those of
 * all schedules together); the job knows what is going on with its own, and owns its runs (runs.ts).
 *
 * Runs whose executor died come in between, `ADOPTED` by this replica (adoption.ts): they start at once,
 * whatever is due or being claimed. An older attempt of the same run that still goes on here is aborted.
 *
 * Can never happen: a run that was neither claimed nor adopted; two attempts of one run at a time; a run
 * that is lost from sight when the schedule is changed, paused or deleted, or the leadership ends.
 */
import { assign, enqueueActions, fromCallback, not, setup } from 'xstate';
import type { Outcome } from '../../domain/runs/run.ts';
import type { RunEvent, StartEvent, Starting } from './runs.ts';
import { unfilled } from '../shared/slot.ts';

export type JobEvent =
  | { type: 'DUE' }
  | { type: 'CLAIMING' }
  | { type: 'UNCLAIMED' }
  | ({ type: 'CLAIMED' } & Starting)
  | ({ type: 'ADOPTED' } & Starting)
  /** Nobody here leads any more: what is owed is the next leader's. */
  | { type: 'WITHDRAWN' }
  | { type: 'PAUSED' }
  | { type: 'RESUMED' };

export interface JobInput {
  scheduleId: string;
}

interface Context extends JobInput {
  /** How many runs go on. */
  running: number;
}

export const jobMachine = setup({
  types: {
    context: {} as Context,
    input: {} as JobInput,
    events: {} as JobEvent | RunEvent,
    children: {} as { runs: 'runs' },
    tags: {} as 'passive',
  },
  actors: {
    /** Is told what to START, and tells the end of each. */
    runs: fromCallback<StartEvent>(unfilled('job', 'runs')),
  },
  actions: {
    settled: (_, _params: { outcome: Outcome }) => unfilled('job', 'settled')(),
    crashed: (_, _params: { runId: string; error: unknown }) => unfilled('job', 'crashed')(),
    start: enqueueActions(({ context, enqueue }, { schedule, runs, oursSinceMs }: Starting) => {
      enqueue.sendTo('runs', { type: 'START', schedule, runs, oursSinceMs });
      enqueue.assign({ running: context.running + runs.length });
    }),
    noteEnded: assign({ running: ({ context }) => context.running - 1 }),
  },
  guards: {
    hasOutcome: (_, { outcome }: { outcome: Outcome | null }) => outcome !== null,
    hasRuns: ({ context, event }) =>
      context.running > 0 || (event.type === 'CLAIMED' && event.runs.length > 0),
  },
}).createMachine({
  id: 'job',
  context: ({ input }) => ({ ...input, running: 0 }),
  invoke: { src: 'runs', id: 'runs' },
  initial: 'waiting',
  on: {
    ADOPTED: {
      actions: { type: 'start', params: ({ event }) => event },
    },
    'RUN.ENDED': [
      {
        guard: { type: 'hasOutcome', params: ({ event }) => event },
        actions: [
          { type: 'settled', params: ({ event }) => ({ outcome: event.outcome as Outcome }) },
          'noteEnded',
        ],
      },
      { actions: 'noteEnded' },
    ],
    // It is said aloud, and no outcome is made up for the run.
    'RUN.CRASHED': {
      actions: [
        { type: 'crashed', params: ({ event: { runId, error } }) => ({ runId, error }) },
        'noteEnded',
      ],
    },
  },
  states: {
    waiting: { tags: 'passive', on: { DUE: 'due', PAUSED: 'paused' } },
    paused: { tags: 'passive', on: { RESUMED: 'waiting', DUE: 'due' } },
    due: {
      on: {
        CLAIMING: 'claiming',
        PAUSED: 'paused',
        // Under its new definition it may be due much later; the queue says when.
        RESUMED: 'waiting',
        WITHDRAWN: 'waiting',
      },
    },
    claiming: {
      on: {
        UNCLAIMED: 'due',
        CLAIMED: [
          {
            guard: 'hasRuns',
            target: 'running',
            actions: { type: 'start', params: ({ event }) => event },
          },
          { target: 'settled' },
        ],
      },
    },
    running: {
      always: { guard: not('hasRuns'), target: 'settled' },
      on: { DUE: 'due' },
    },
    settled: { tags: 'passive', on: { DUE: 'due' } },
  },
});
