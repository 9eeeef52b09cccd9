import { type Actor, createActor, fromCallback, type InspectionEvent } from 'xstate';
import type { Outcome } from '../../domain/runs/outcome.ts';
import type { OwnedRun } from '../../domain/runs/run.ts';
import type { Clock } from '../shared/environment.ts';
import type { runMachine } from './run.ts';

/** Runs to start. */
export interface Starting {
  runs: OwnedRun[];
  /** When the claim or the taking began that made them ours; monotonic, ms. */
  oursSinceMs: number;
}

/** To the runs of a job. */
export type RunsCommand = ({ type: 'START' } & Starting) | { type: 'CANCEL'; runId: string; attempt: number };

/** From the runs of a job: exactly one for each started run. */
export type RunEvent =
  | { type: 'RUN.ENDED'; outcome: Outcome }
  /** It is not ours any more, or was stopped: there is no outcome to record. */
  | { type: 'RUN.LOST'; runId: string }
  /** A newer attempt of the same run was started here, or this one was started before. */
  | { type: 'RUN.REPLACED' }
  /** The run's machine threw, which is a bug. */
  | { type: 'RUN.CRASHED'; runId: string; error: unknown };

export interface RunsOptions {
  clock: Clock;
  serverNowMs: () => number;
  /** In [0, 1). */
  random: () => number;
  /** Receives the runs' inspection events. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
}

/**
 * The runs of one job, as one child of it: each is a root actor, since the cost of children of one
 * parent is quadratic in their number, and a schedule that catches up on an outage starts a thousand
 * at once. Starting a run aborts its older attempt, whose outcome would not count. Stopping the job
 * aborts all.
 *
 * `machine`: with its slots filled in.
 */
export function runsOf(machine: typeof runMachine, { clock, serverNowMs, random, inspect }: RunsOptions) {
  return fromCallback<RunsCommand>(({ receive, sendBack }) => {
    const runs = new Map<string, Actor<typeof runMachine>>();
    const monotonicMs = () => clock.monotonic();

    const start = (run: OwnedRun, oursSinceMs: number) => {
      // Of a claim whose answer was late: the executor has found the run, and has started it.
      const isLive = runs.get(run.id)?.getSnapshot().context.run.attempt === run.attempt;
      if (isLive) return sendBack({ type: 'RUN.REPLACED' });
      const actor = createActor(machine, {
        id: `run:${run.id}`,
        clock,
        input: { run, oursSinceMs, serverNowMs, monotonicMs, random },
        ...(inspect && { inspect }),
      });
      const end = (event: RunEvent) => {
        if (runs.get(run.id) !== actor) return sendBack({ type: 'RUN.REPLACED' });
        runs.delete(run.id);
        sendBack(event);
      };
      const older = runs.get(run.id);
      runs.set(run.id, actor);
      older?.stop();
      actor.subscribe({
        complete() {
          // None after a stop, too.
          const outcome = actor.getSnapshot().output ?? null;
          end(outcome === null ? { type: 'RUN.LOST', runId: run.id } : { type: 'RUN.ENDED', outcome });
        },
        error: (error) => end({ type: 'RUN.CRASHED', runId: run.id, error }),
      });
      actor.start();
    };

    receive((command) => {
      if (command.type === 'START') {
        for (const run of command.runs) start(run, command.oursSinceMs);
        return;
      }
      const actor = runs.get(command.runId);
      if (actor?.getSnapshot().context.run.attempt === command.attempt) actor.send({ type: 'CANCEL' });
    });
    return () => [...runs.values()].forEach((run) => run.stop());
  });
}
