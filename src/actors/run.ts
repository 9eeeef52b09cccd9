/**
 * A run: one occurrence being executed. A child of its schedule's job.
 *
 *   attempting ──done──▶ succeeded
 *       ├──error──▶ failed
 *       ├──too long──▶ timedOut
 *       └──CANCEL──▶ cancelled
 *
 * Each end is final, and its output is the outcome to be recorded. Leaving `attempting` aborts what was going
 * on, by the signal that it was given.
 *
 * Can never happen: two outcomes of one attempt; an attempt that outlives its timeout unnoticed.
 */
import { assign, fromPromise, setup } from 'xstate';
import { parseDuration } from '../domain/duration.ts';
import type { Outcome, Run } from '../domain/run.ts';
import type { Schedule } from '../domain/schedule.ts';
import { unfilled } from './slot.ts';

/** How long one attempt may take. */
export const ATTEMPT_TIMEOUT_MS = 30_000;

export interface RunInput {
  run: Run;
  /** The definition under which it was claimed. */
  schedule: Schedule;
  serverNowMs: () => number;
}

interface Context extends RunInput {
  startedMs: number;
  finishedMs: number;
  error: string | null;
  output: string | null;
}

export const runMachine = setup({
  types: {
    context: {} as Context,
    input: {} as RunInput,
    events: {} as { type: 'CANCEL' },
    output: {} as Outcome,
  },
  actors: {
    execute: fromPromise<{ output: string | null }, { run: Run; schedule: Schedule }>(
      unfilled('run', 'execute'),
    ),
  },
  actions: {
    noteEnd: assign({ finishedMs: ({ context }) => context.serverNowMs() }),
    noteError: assign({
      error: (_, { error }: { error: unknown }) => error instanceof Error ? error.message : String(error),
    }),
  },
  delays: { timeout: ATTEMPT_TIMEOUT_MS },
}).createMachine({
  id: 'run',
  context: ({ input }) => ({
    ...input,
    startedMs: input.serverNowMs(),
    finishedMs: 0,
    error: null,
    output: null,
  }),
  initial: 'attempting',
  states: {
    attempting: {
      invoke: {
        src: 'execute',
        input: ({ context: { run, schedule, startedMs } }) => ({
          run: { ...run, started_at: new Date(startedMs), lateness_ms: latenessMs(run, startedMs) },
          schedule,
        }),
        onDone: { target: 'succeeded', actions: assign({ output: ({ event }) => event.output.output }) },
        onError: {
          target: 'failed',
          actions: { type: 'noteError', params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: { CANCEL: 'cancelled' },
      after: {
        timeout: {
          target: 'timedOut',
          actions: {
            type: 'noteError',
            params: { error: `The attempt took longer than ${ATTEMPT_TIMEOUT_MS} ms.` },
          },
        },
      },
      exit: 'noteEnd',
    },
    succeeded: { type: 'final', output: 'succeeded' },
    failed: { type: 'final', output: 'failed' },
    timedOut: { type: 'final', output: 'timed_out' },
    cancelled: { type: 'final', output: 'cancelled' },
  },
  output: ({ context, event }) => outcome(context, (event as unknown as { output: Outcome['state'] }).output),
});

function latenessMs(run: Run, startedMs: number): number {
  return Math.round(startedMs - run.scheduled_for.getTime());
}

function outcome(context: Context, state: Outcome['state']): Outcome {
  const { run, schedule, startedMs, finishedMs, error, output } = context;
  const keptMs = parseDuration(state === 'succeeded' ? schedule.history.success : schedule.history.failure);
  return {
    run_id: run.id,
    schedule_id: run.schedule_id,
    attempt: run.attempt,
    executor_boot: run.executor_boot,
    state,
    started_at: new Date(startedMs),
    finished_at: new Date(finishedMs),
    lateness_ms: latenessMs(run, startedMs),
    error,
    output,
    expire_at: new Date(finishedMs + keptMs),
  };
}
