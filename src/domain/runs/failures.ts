/** Failures that pause a schedule (`pause_after_failures`). */
import type { Run, RunState } from './run.ts';

/** The ends that tell whether a run worked. */
export const TELLING_STATES: readonly RunState[] = ['succeeded', 'failed', 'timed_out', 'abandoned'];

/** Whether the newest `count` runs, in any order of their ends, are there and none of them has succeeded. */
export function allFailed(newest: readonly Pick<Run, 'state'>[], count: number): boolean {
  return newest.length >= count && newest.slice(0, count).every(({ state }) => state !== 'succeeded');
}
