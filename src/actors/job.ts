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
 * all schedules together); the job knows what is going on with its own, and owns its runs.
 *
 * Runs whose executor died come in between, `ADOPTED` by this replica (adoption.ts): they start at once,
 * whatever is due or being claimed. An older attempt of the same run that still goes on here is aborted:
 * its outcome would not count.
 *
 * Can never happen: a run that was neither claimed nor adopted; two attempts of one run at a time; a run
 * that is lost from sight when the schedule is changed, paused or deleted, or the leadership ends.
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
  | { type: 'ADOPTED'; schedule: Schedule; runs: Run[] }
  /** Nobody here leads any more: what is owed is the next leader's. */
  | { type: 'WITHDRAWN' }
  | { type: 'PAUSED' }
  | { type: 'RESUMED' };

/** How XState tells that a child, here a run, has reached its end or has thrown. */
type ChildEvent =
  | { type: `xstate.done.actor.${string}`; actorId: string; output: Outcome | null }
  | { type: `xstate.error.actor.${string}`; actorId: string; error: unknown };

export interface JobInput {
  scheduleId: string;
  serverNowMs: () => number;
}

interface Context extends JobInput {
  /** The runs going on: the id of the child that is the run, and the run's own. */
  running: ReadonlyMap<string, string>;
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
      if (event.type !== 'CLAIMED' && event.type !== 'ADOPTED') return;
      const { schedule, runs } = event;
      const running = new Map(context.running);
      for (const run of runs) {
        const child = lowestFree(running);
        for (const [other, runId] of context.running) {
          // An earlier attempt of a run that is adopted.
          if (runId === run.id && running.delete(other)) enqueue.stopChild(other);
        }
        running.set(child, run.id);
        enqueue.spawnChild('run', { id: child, input: { run, schedule, serverNowMs: context.serverNowMs } });
      }
      enqueue.assign({ running });
    }),
    forget: assign({
      running: ({ context }, { child }: { child: string }) => {
        const running = new Map(context.running);
        running.delete(child);
        return running;
      },
    }),
  },
  guards: {
    hasOutcome: (_, { outcome }: { outcome: Outcome | null }) => outcome !== null,
    hasRuns: ({ context, event }) =>
      context.running.size > 0 || (event.type === 'CLAIMED' && event.runs.length > 0),
  },
}).createMachine({
  id: 'job',
  context: ({ input }) => ({ ...input, running: new Map<string, string>() }),
  initial: 'waiting',
  on: {
    ADOPTED: { actions: 'start' },
    'xstate.done.actor.*': [
      {
        guard: { type: 'hasOutcome', params: ({ event }) => ({ outcome: event.output }) },
        actions: [
          { type: 'settled', params: ({ event }) => ({ outcome: event.output as Outcome }) },
          { type: 'forget', params: ({ event }) => ({ child: event.actorId }) },
          stopChild(({ event }) => event.actorId),
        ],
      },
      {
        actions: [
          { type: 'forget', params: ({ event }) => ({ child: event.actorId }) },
          stopChild(({ event }) => event.actorId),
        ],
      },
    ],
    // A machine that threw is a bug of ours: it is said aloud, and no outcome is made up for the run.
    'xstate.error.actor.*': {
      actions: [
        {
          type: 'crashed',
          params: ({ context, event }) => ({
            runId: context.running.get(event.actorId) ?? event.actorId,
            error: event.error,
          }),
        },
        { type: 'forget', params: ({ event }) => ({ child: event.actorId }) },
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

/**
 * Children are numbered, lowest free number first, and not named for their runs: XState keeps what it knows of each
 * type of event for good, and the end of a child is an event type with its id in it.
 */
function lowestFree(running: ReadonlyMap<string, string>): string {
  let number = 0;
  while (running.has(`run:${number}`)) number++;
  return `run:${number}`;
}
