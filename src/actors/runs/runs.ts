import { type Actor, createActor, fromCallback, type InspectionEvent } from 'xstate';
import type { Outcome, Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { Clock } from '../shared/environment.ts';
import type { runMachine } from './run.ts';

/** Runs to be started, and the definition under which they are. */
export interface Starting {
  schedule: Schedule;
  runs: Run[];
  /** When the claim or the adoption began that made them ours; monotonic. */
  oursSinceMs: number;
}

/** To the runs of a job. */
export type StartEvent = { type: 'START' } & Starting;

/** From them: exactly one for each run that was started. */
export type RunEvent =
  /** Without an outcome when it is not ours to record. */
  | { type: 'RUN.ENDED'; outcome: Outcome | null }
  /** A machine that threw is a bug of ours. */
  | { type: 'RUN.CRASHED'; runId: string; error: unknown };

export interface RunsOptions {
  clock: Clock;
  serverNowMs: () => number;
  /** Told what the runs do. */
  inspect?: ((event: InspectionEvent) => void) | undefined;
}

/**
 * The runs of one job, as one child of it: each is a root actor, since children of one parent cost time quadratic in
 * their number, and a schedule that catches up on an outage starts a thousand at once. An older attempt of a
 * run that is started is aborted: its outcome would not count. All are when the job is stopped.
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
        // Also when it was stopped: there is no outcome then.
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
