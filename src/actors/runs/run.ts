/**
 * A run at its executor: one attempt. It belongs to its schedule's job (runs.ts). What comes before and after
 * is in the store (life.ts): a run that waits has no actor.
 *
 *   claimed ──at once──▶ attempting ──done──▶ succeeded
 *      │                  begun, running ├──error──▶ failed
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
import {
  type AttemptEnd,
  type AttemptStart,
  latenessMs,
  type Outcome,
  outcomeOf,
} from '../../domain/runs/outcome.ts';
import { adviceOf, type FailureAdvice } from '../../domain/runs/attemptFailure.ts';
import { type OwnedRun, type RunWork, workOf } from '../../domain/runs/run.ts';
import { formatDuration, parseDuration } from '../../domain/timing/duration.ts';
import { unfilled } from '../shared/slot.ts';

/** A run that starts later than this after its claim or adoption is confirmed first, ms. */
export const CONFIRM_AFTER_MS = 2000;

/** An attempt that takes longer is recorded as `running` meanwhile, ms. */
export const RECORDED_AFTER_MS = 1000;

export interface RunInput {
  run: OwnedRun;
  /** When the claim or adoption began that made it ours; monotonic, ms. */
  oursSinceMs: number;
  serverNowMs: () => number;
  monotonicMs: () => number;
  /** In [0, 1). */
  random: () => number;
}

interface Context extends RunInput {
  startedMs: number;
  finishedMs: number;
  error: string | null;
  output: string | null;
  advice: FailureAdvice;
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
    execute: fromPromise<{ output: string | null }, { run: OwnedRun; work: RunWork }>(
      unfilled('run', 'execute'),
    ),
    /** Whether the run is still open under this attempt by this boot. */
    confirm: fromPromise<boolean, { run: OwnedRun }>(unfilled('run', 'confirm')),
  },
  actions: {
    /** The attempt goes on for longer than most. */
    running: (_, _params: { start: AttemptStart }) => unfilled('run', 'running')(),
    /** An answer is as old as its request. */
    noteRequest: assign({ oursSinceMs: ({ context }) => context.monotonicMs() }),
    noteStart: assign({ startedMs: ({ context }) => context.serverNowMs() }),
    noteEnd: assign({ finishedMs: ({ context }) => context.serverNowMs() }),
    noteError: assign((_, { error }: { error: unknown }) => {
      const advice = adviceOf(error);
      const message = error instanceof Error ? error.message : String(error);
      return { error: message, output: advice.output ?? null, advice };
    }),
  },
  guards: {
    isFresh: ({ context: { oursSinceMs, monotonicMs } }) => monotonicMs() - oursSinceMs <= CONFIRM_AFTER_MS,
    isLost: (_, { held }: { held: boolean }) => !held,
  },
  delays: { timeout: ({ context }) => timeoutMs(context), soon: RECORDED_AFTER_MS, retry: 200 },
}).createMachine({
  id: 'run',
  context: ({ input }) => ({
    ...input,
    startedMs: input.serverNowMs(),
    finishedMs: 0,
    error: null,
    output: null,
    advice: { retries: true },
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
        input: ({ context: { run, startedMs } }) => ({
          run: { ...run, started_at: new Date(startedMs), lateness_ms: latenessMs(run, startedMs) },
          work: workOf(run),
        }),
        onDone: { target: 'succeeded', actions: assign({ output: ({ event }) => event.output.output }) },
        onError: {
          target: 'failed',
          actions: { type: 'noteError', params: ({ event }) => ({ error: event.error }) },
        },
      },
      initial: 'begun',
      states: {
        begun: { after: { soon: 'running' } },
        running: { entry: { type: 'running', params: ({ context }) => ({ start: startOf(context) }) } },
      },
      on: { CANCEL: 'cancelled' },
      after: {
        timeout: {
          target: 'timedOut',
          actions: {
            type: 'noteError',
            params: ({ context }) => ({
              error: new Error(`The attempt took longer than ${formatDuration(timeoutMs(context))}.`),
            }),
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
    const { output: state } = event as unknown as { output: AttemptEnd | null };
    return state === null ? null : outcome(context, state);
  },
});

function outcome(context: Context, state: AttemptEnd): Outcome {
  const { run, random } = context;
  return outcomeOf(run, { ...context, state }, random);
}

function startOf({ run, startedMs }: Context): AttemptStart {
  const { id, attempt, executor_boot } = run;
  return {
    run_id: id,
    attempt,
    executor_boot,
    started_at: new Date(startedMs),
    lateness_ms: latenessMs(run, startedMs),
  };
}

function timeoutMs({ run }: Context): number {
  return parseDuration(workOf(run).policy.timeout);
}
