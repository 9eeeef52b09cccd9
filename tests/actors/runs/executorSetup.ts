/** Input and events of the executor's machine. */
import type { ExecutorInput } from '../../../src/actors/runs/executor.ts';
import type { JobPool } from '../../../src/actors/runs/jobs.ts';
import type { Available } from '../../../src/actors/runs/runStore.ts';
import { taken } from '../../../src/domain/runs/life.ts';
import { Places } from '../../../src/domain/runs/places.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { unowned } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { ENDING, LOST, WON } from './adoptionSetup.ts';

export { ENDING, LOST, WON };
export const T = Date.UTC(2030, 0, 1);
export const AVAILABLE = { type: 'RUNS.AVAILABLE' as const };
export const FREED = { type: 'RUNS.FREED' as const };
export const STOP = { type: 'STOP' as const };

/** So many runs of schedules of their own, available since T. */
export const waitingRuns = (count: number, from = 0): Run[] =>
  Array.from({ length: count }, (_, k) => unowned(`s${from + k}`, T));

export const found = (runs: Run[], nextAt: number | null = null): Available => ({
  runs,
  nextAt: nextAt === null ? null : new Date(nextAt),
});

/** The runs as they are once r2 has taken them. */
export const ours = (runs: readonly Run[]): Run[] =>
  runs.map((run) => ({ ...run, ...taken(run, { replica: 'r2', boot: 'b2' }).set }));

export function input(
  { clock = new SimClock(T), max = 500, standbyExecutes = true }: {
    clock?: SimClock;
    max?: number;
    standbyExecutes?: boolean;
  } = {},
) {
  const places = new Places(max);
  /** Id, attempt, and since when it is ours. */
  const handedOver: [string, number, number][] = [];
  const jobs = {
    taken: ({ id, attempt }, oursSinceMs) => void handedOver.push([id, attempt, oursSinceMs]),
  } as Pick<JobPool, 'taken'> as JobPool;
  return {
    places,
    handedOver,
    input: {
      places,
      jobs,
      replica: 'r2',
      boot: 'b2',
      standbyExecutes,
      serverNowMs: () => clock.now(),
      monotonicMs: () => clock.monotonic(),
    } satisfies ExecutorInput,
  };
}

/** Takes so many places away, each for a schedule of its own. */
export function fill(places: Places, count: number): string[] {
  const ids = Array.from({ length: count }, (_, k) => `filler-${k}`);
  for (const id of ids) places.take(id, id);
  return ids;
}
