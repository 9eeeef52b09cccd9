/** The effect of each fault on firing: the time until another replica fired, and the longest pause. */
import type { Execution } from './fleet.ts';

/** One fault, or two at once. Times are on this process's monotonic clock. */
export interface Injection {
  /** The kinds of its faults. */
  kinds: string[];
  beganMs: number;
  /** When its targets were back, and a replica had fired since. */
  overMs: number;
  /** The leader's process, if it was hit (see `Execution.life`). */
  deposed: string | null;
}

export interface Impact {
  cause: string;
  /** From the fault to the first run of another replica; null when the leader stayed, or was not hit. */
  takeoverMs: number | null;
  /** The longest time without a run. */
  pauseMs: number;
}

const TWO_AT_ONCE = 'two faults at once';

export function impactOf(injection: Injection, executions: readonly Execution[]): Impact {
  const { beganMs, overMs, deposed, kinds } = injection;
  const before = executions.findLast(({ readMs }) => readMs <= beganMs);
  const during = executions.filter(({ readMs }) => readMs > beganMs && readMs <= overMs);
  const termBefore = before?.term ?? 0;
  const successor = during.find(({ life, term }) => life !== deposed && term > termBefore);
  let pauseMs = 0;
  let lastMs = before?.readMs ?? beganMs;
  for (const { readMs } of during) {
    pauseMs = Math.max(pauseMs, readMs - lastMs);
    lastMs = readMs;
  }
  const takeoverMs = deposed !== null && successor ? successor.readMs - beganMs : null;
  return { cause: kinds.length > 1 ? TWO_AT_ONCE : kinds[0] as string, takeoverMs, pauseMs };
}

/** Median, 99th percentile and maximum, for a table. */
export function spread(valuesMs: readonly number[]): string[] {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return [0.5, 0.99, 1].map((share) => at(share)?.toFixed(0) ?? '–');
}
