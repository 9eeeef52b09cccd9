/**
 * The job of one schedule.
 *
 *   waiting ──DUE──▶ due ──CLAIMING──▶ claiming ──CLAIMED──▶ running ──last run ended──▶ settled
 *      │  ◀─WITHDRAWN─▲ │                  │ │                  │
 *   PAUSED            │ └─PAUSED─┐     UNCLAIMED                └──DUE──▶ due (its runs go on meanwhile)
 *      ▼              └──────────┼─────────┘ └──CLAIMED, nothing to run──▶ settled
 *   paused ◀─────────────────────┘
 *
 * Jobs are virtual: every schedule has one, but it is live only while it has something to do. A schedule that
 * waits, is paused, or is settled, with no run going on, is an entry of the due queue: the pool (jobs.ts)
 * drops the machine then and makes a new one when the schedule is due again.
 *
 * Which occurrences are due, and whether they may be claimed, is the scheduler's business (it claims those of
 * all schedules together); the job knows what is going on with its own, and owns its runs.
 *
 * Can never happen: a run that was not claimed; a run that is lost from sight when the schedule is changed,
 * paused or deleted, or the leadership ends.
 */
import { assign, enqueueActions, not, setup, stopChild } from 'xstate';
import type { Outcome, Run } from '../domain/run.ts';
import type { Schedule } from '../domain/schedule.ts';
import { runMachine } from './run.ts';
import { unfilled } from './slot.ts';

export type JobEvent =
  | { type: 'DUE' }
  | { type: 'CLAIMING' }
  | { type: 'UNCLAIMED' }
  | { type: 'CLAIMED'; schedule: Schedule; runs: Run[] }
  /** Nobody here leads any more: what is owed is the next leader's. */
  | { type: 'WITHDRAWN' }
  | { type: 'PAUSED' }
  | { type: 'RESUMED' };

/** How XState tells that a child, here a run, has reached its end or has thrown. */
type ChildEvent =
  | { type: `xstate.done.actor.${string}`; actorId: string; output: Outcome }
  | { type: `xstate.error.actor.${string}`; actorId: string; error: unknown };

export interface JobInput {
  scheduleId: string;
  serverNowMs: () => number;
}

interface Context extends JobInput {
  /** Ids of the runs going on. */
  running: ReadonlySet<string>;
}

export const jobMachine = setup({
  types: {
    context: {} as Context,
    input: {} as JobInput,
    events: {} as JobEvent | ChildEvent,
    children: {} as Record<string, 'run'>,
    tags: {} as 'passive',
  },
  actors: { run: runMachine },
  actions: {
    settled: (_, _params: { outcome: Outcome }) => unfilled('job', 'settled')(),
    crashed: (_, _params: { runId: string; error: unknown }) => unfilled('job', 'crashed')(),
    start: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== 'CLAIMED') return;
      const { schedule, runs } = event;
      enqueue.assign({ running: new Set([...context.running, ...runs.map((run) => run.id)]) });
      for (const run of runs) {
        enqueue.spawnChild('run', { id: run.id, input: { run, schedule, serverNowMs: context.serverNowMs } });
      }
    }),
    forget: assign({
      running: ({ context }, { runId }: { runId: string }) => {
        const running = new Set(context.running);
        running.delete(runId);
        return running;
      },
    }),
  },
  guards: {
    hasRuns: ({ context, event }) =>
      context.running.size > 0 || (event.type === 'CLAIMED' && event.runs.length > 0),
  },
}).createMachine({
  id: 'job',
  context: ({ input }) => ({ ...input, running: new Set<string>() }),
  initial: 'waiting',
  on: {
    'xstate.done.actor.*': {
      actions: [
        { type: 'settled', params: ({ event }) => ({ outcome: event.output }) },
        { type: 'forget', params: ({ event }) => ({ runId: event.actorId }) },
        stopChild(({ event }) => event.actorId),
      ],
    },
    // A machine that threw is a bug of ours: it is said aloud, and no outcome is made up for the run.
    'xstate.error.actor.*': {
      actions: [
        { type: 'crashed', params: ({ event }) => ({ runId: event.actorId, error: event.error }) },
        { type: 'forget', params: ({ event }) => ({ runId: event.actorId }) },
        stopChild(({ event }) => event.actorId),
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
        CLAIMED: [{ guard: 'hasRuns', target: 'running', actions: 'start' }, { target: 'settled' }],
      },
    },
    running: {
      always: { guard: not('hasRuns'), target: 'settled' },
      on: { DUE: 'due' },
    },
    settled: { tags: 'passive', on: { DUE: 'due' } },
  },
});
