/**
 * The job of one schedule.
 *
 *   waiting ──DUE──▶ due ──CLAIMING──▶ claiming ──CLAIMED──▶ running ──last run ended──▶ settled
 *      │  ◀─WITHDRAWN─▲ │                  │ │                  │
 *   PAUSED            │ └─PAUSED─┐     UNCLAIMED                └──DUE──▶ due (its runs continue)
 *      ▼              └──────────┼─────────┘ └──CLAIMED, nothing to run──▶ settled
 *   paused ◀─────────────────────┘                    TAKEN: its runs start, in every state
 *
 * Jobs are virtual: every schedule has one, but it is live only while it has work. A schedule that
 * waits, is paused, or is settled, without a live run, is an entry of the due queue: the pool
 * (jobs.ts) drops its machine then, and creates a new one when the schedule is due again.
 *
 * The scheduler decides which occurrences are due, and whether they may be claimed (it claims those
 * of all schedules together); the job tracks its own, and owns its runs (runs.ts).
 *
 * Runs that this replica takes (`TAKEN`, executor.ts) arrive in between: they start at once,
 * whatever is due or being claimed. An older attempt of the same run that is still live here is
 * aborted.
 *
 * Can never happen: a run that was neither claimed nor taken; two attempts of one run at a time; a
 * run no longer tracked when the schedule is changed, paused or deleted, or the leadership ends.
 */
import { assign, enqueueActions, fromCallback, not, sendTo, setup } from 'xstate';
import type { Outcome } from '../../domain/runs/outcome.ts';
import type { RunEvent, RunsCommand, Starting } from './runs.ts';
import { unfilled } from '../shared/slot.ts';

export type JobEvent =
  | { type: 'DUE' }
  | { type: 'CLAIMING' }
  | { type: 'UNCLAIMED' }
  | ({ type: 'CLAIMED' } & Starting)
  | ({ type: 'TAKEN' } & Starting)
  | { type: 'CANCEL'; runId: string; attempt: number }
  /** This replica no longer leads: what is owed is the next leader's. */
  | { type: 'WITHDRAWN' }
  | { type: 'PAUSED' }
  | { type: 'RESUMED' };

export interface JobInput {
  scheduleId: string;
}

interface Context extends JobInput {
  /** Number of live runs. */
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
    /** Starts and cancels runs, and reports the end of each. */
    runs: fromCallback<RunsCommand>(unfilled('job', 'runs')),
  },
  actions: {
    /** An attempt has an outcome. */
    settled: (_, _params: { outcome: Outcome }) => unfilled('job', 'settled')(),
    /** A run ended here without an outcome. */
    lost: (_, _params: { runId: string }) => unfilled('job', 'lost')(),
    crashed: (_, _params: { runId: string; error: unknown }) => unfilled('job', 'crashed')(),
    start: enqueueActions(({ context, enqueue }, { runs, oursSinceMs }: Starting) => {
      enqueue.sendTo('runs', { type: 'START', runs, oursSinceMs });
      enqueue.assign({ running: context.running + runs.length });
    }),
    noteEnded: assign({ running: ({ context }) => context.running - 1 }),
  },
  guards: {
    hasRuns: ({ context, event }) =>
      context.running > 0 || (event.type === 'CLAIMED' && event.runs.length > 0),
  },
}).createMachine({
  id: 'job',
  context: ({ input }) => ({ ...input, running: 0 }),
  invoke: { src: 'runs', id: 'runs' },
  initial: 'waiting',
  on: {
    TAKEN: {
      actions: { type: 'start', params: ({ event }) => event },
    },
    CANCEL: { actions: sendTo('runs', ({ event }) => event) },
    'RUN.ENDED': {
      actions: [{ type: 'settled', params: ({ event }) => ({ outcome: event.outcome }) }, 'noteEnded'],
    },
    'RUN.LOST': {
      actions: [{ type: 'lost', params: ({ event }) => ({ runId: event.runId }) }, 'noteEnded'],
    },
    'RUN.REPLACED': { actions: 'noteEnded' },
    // Logs the error; records no outcome.
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
        // Its new definition may be due much later; the queue decides when.
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
