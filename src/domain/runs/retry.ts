import type { Retry } from '../schedules/policy.ts';
import { parseDuration } from '../timing/duration.ts';

/**
 * The wait before the next attempt, ms, after `failures` failed ones: "full jitter", so that runs that
 * failed together do not come back together. `random` is in [0, 1).
 */
export function backoffMs(retry: Retry, failures: number, random: number): number {
  const grownMs = parseDuration(retry.initial_backoff) * retry.multiplier ** (failures - 1);
  return Math.floor(random * Math.min(grownMs, parseDuration(retry.max_backoff)));
}
