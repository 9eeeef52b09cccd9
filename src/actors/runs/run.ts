/**
 * A run: one occurrence being executed. It belongs to its schedule's job (runs.ts).
 *
 *   claimed ──at once──▶ attempting ──done──▶ succeeded
 *      │                     ▲ ├──error──▶ failed
 *      │ long after      yes │ ├──too long──▶ timedOut
 *      │ the claim           │ └──CANCEL──▶ cancelled
 *      └────────────▶ confirming ⇄ unconfirmed      (CANCEL here as well)
 *                        └──no──▶ lost
 *
 * A process that was frozen, or waited for the store, between its claim and the start of the attempt
 * may have counted as dead meanwhile, and another replica may have adopted its run (G7). So a run that starts
 * late first confirms that it is still ours, under this attempt. One that starts within
 * `CONFIRM_AFTER_MS` needs no confirmation: no replica adopts a run so soon after its claim (see
 * adoption.ts). A confirmation that took as long is stale, and repeated. The time runs on the
 * monotonic clock, from before the claim was sent: the server's clock may be set back in between.
 *
 * Each end is final, and outputs the outcome to record; `lost` has none, since another replica
 * decides it. Leaving `attempting` aborts the execution through its signal.
 *
 * Can never happen: two outcomes of one attempt; an attempt that outlives its timeout; an attempt begun
 * without confirmation when another replica may have adopted the run.
 */
import { assign, fromPromise, setup } from 'xstate';
import { parseDuration } from '../../domain/timing/duration.ts';
import type { Outcome, Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import { unfilled } from '../shared/slot.ts';

/** Timeout of one attempt, ms. */
export const ATTEMPT_TIMEOUT_MS = 30_000;
/** A run that starts later than this after its claim or adoption is confirmed first, ms. */
export const CONFIRM_AFTER_MS = 2000;

export interface RunInput {
  run: Run;
  /** The definition under which it was claimed. */
  schedule: Schedule;
  /** When the claim or adoption began that made it ours; monotonic, ms. */
  oursSinceMs: number;
  serverNowMs: () => number;
  monotonicMs: () => number;
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
    /** Null when the run is no longer ours. */
    output: {} as Outcome | null,
  },
  actors: {
    execute: fromPromise<{ output: string | null }, { run: Run; schedule: Schedule }>(
      unfilled('run', 'execute'),
    ),
    /** Whether the run is still open under this attempt by this boot. */
    confirm: fromPromise<boolean, { run: Run }>(unfilled('run', 'confirm')),
  },
  actions: {
    /** A confirmation is as old as its request. */
    noteRequest: assign({ oursSinceMs: ({ context }) => context.monotonicMs() }),
    noteStart: assign({ startedMs: ({ context }) => context.serverNowMs() }),
    noteEnd: assign({ finishedMs: ({ context }) => context.serverNowMs() }),
    noteError: assign({
      error: (_, { error }: { error: unknown }) => error instanceof Error ? error.message : String(error),
    }),
  },
  guards: {
    isFresh: ({ context: { oursSinceMs, monotonicMs } }) => monotonicMs() - oursSinceMs <= CONFIRM_AFTER_MS,
    isLost: (_, { held }: { held: boolean }) => !held,
  },
  delays: { timeout: ATTEMPT_TIMEOUT_MS, retry: 200 },
}).createMachine({
  id: 'run',
  context: ({ input }) => ({
    ...input,
    startedMs: input.serverNowMs(),
    finishedMs: 0,
    error: null,
    output: null,
  }),
  initial: 'claimed',
  states: {
    claimed: { always: [{ guard: 'isFresh', target: 'attempting' }, { target: 'confirming' }] },
    confirming: {
      entry: 'noteRequest',
      invoke: {
        src: 'confirm',
        input: ({ context }) => ({ run: context.run }),
        onDone: [
          { guard: { type: 'isLost', params: ({ event }) => ({ held: event.output }) }, target: 'lost' },
          { guard: 'isFresh', target: 'attempting' },
          { target: 'unconfirmed' },
        ],
        onError: 'unconfirmed',
      },
      on: { CANCEL: { target: 'cancelled', actions: 'noteEnd' } },
    },
    unconfirmed: {
      on: { CANCEL: { target: 'cancelled', actions: 'noteEnd' } },
      after: { retry: 'confirming' },
    },
    attempting: {
      entry: 'noteStart',
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
    lost: { type: 'final', output: null },
  },
  output: ({ context, event }) => {
    const { output: state } = event as unknown as { output: Outcome['state'] | null };
    return state === null ? null : outcome(context, state);
  },
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
    executor_boot: run.executor_boot as string,
    state,
    started_at: new Date(startedMs),
    finished_at: new Date(finishedMs),
    lateness_ms: latenessMs(run, startedMs),
    error,
    output,
    expire_at: new Date(finishedMs + keptMs),
  };
}
