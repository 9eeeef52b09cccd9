import { type Actor, createActor, fromCallback, type InspectionEvent } from 'xstate';
import type { Outcome, Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { Clock } from '../shared/environment.ts';
import type { runMachine } from './run.ts';

/** Runs to start, and the definition for their execution. */
export interface Starting {
  schedule: Schedule;
  runs: Run[];
  /** When the claim or adoption began that made them ours; monotonic, ms. */
  oursSinceMs: number;
}

/** To the runs of a job. */
export type StartEvent = { type: 'START' } & Starting;

/** From the runs of a job: exactly one for each started run. */
export type RunEvent =
  /** The outcome is null when it is not ours to record. */
  | { type: 'RUN.ENDED'; outcome: Outcome | null }
  /** The run's machine threw, which is a bug. */
  | { type: 'RUN.CRASHED'; runId: string; error: unknown };

export interface RunsOptions {
  clock: Clock;
  serverNowMs: () => number;
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
export function runsOf(machine: typeof runMachine, { clock, serverNowMs, inspect }: RunsOptions) {
  return fromCallback<StartEvent>(({ receive, sendBack }) => {
    const runs = new Map<string, Actor<typeof runMachine>>();
    const monotonicMs = () => clock.monotonic();

    const start = (run: Run, schedule: Schedule, oursSinceMs: number) => {
      const actor = createActor(machine, {
        id: `run:${run.id}`,
        clock,
        input: { run, schedule, oursSinceMs, serverNowMs, monotonicMs },
        ...(inspect && { inspect }),
      });
      const end = (event: RunEvent) => {
        if (runs.get(run.id) === actor) runs.delete(run.id);
        sendBack(event);
      };
      runs.get(run.id)?.stop();
      runs.set(run.id, actor);
      actor.subscribe({
        // Also after a stop: the outcome is null then.
        complete: () => end({ type: 'RUN.ENDED', outcome: actor.getSnapshot().output ?? null }),
        error: (error) => end({ type: 'RUN.CRASHED', runId: run.id, error }),
      });
      actor.start();
    };

    receive(({ schedule, runs: started, oursSinceMs }) =>
      started.forEach((run) => start(run, schedule, oursSinceMs))
    );
    return () => [...runs.values()].forEach((run) => run.stop());
  });
}
