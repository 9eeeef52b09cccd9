/** What each fault did to the firing: how long until another replica went on, and the longest silence. */
import type { Execution } from './fleet.ts';

/** What happened, on this process's monotonic clock. */
export interface Blow {
  /** Kinds of faults; two when they came together. */
  kinds: string[];
  beganMs: number;
  /** Whatever was hit is back, and something has fired since. */
  overMs: number;
  /** The life that led, if it was hit. */
  deposed: string | null;
}

export interface Impact {
  cause: string;
  /** From the fault to the first run of another replica; null when the leader stayed, or was not hit. */
  takeoverMs: number | null;
  /** The longest time without any run. */
  silenceMs: number;
}

const TWO_AT_ONCE = 'two faults at once';

export function impactOf(blow: Blow, executions: readonly Execution[]): Impact {
  const { beganMs, overMs, deposed, kinds } = blow;
  const before = executions.findLast(({ readMs }) => readMs <= beganMs);
  const meanwhile = executions.filter(({ readMs }) => readMs > beganMs && readMs <= overMs);
  const termBefore = before?.term ?? 0;
  const successor = meanwhile.find(({ life, term }) => life !== deposed && term > termBefore);
  let silenceMs = 0;
  let lastMs = before?.readMs ?? beganMs;
  for (const { readMs } of meanwhile) {
    silenceMs = Math.max(silenceMs, readMs - lastMs);
    lastMs = readMs;
  }
  const takeoverMs = deposed !== null && successor ? successor.readMs - beganMs : null;
  return { cause: kinds.length > 1 ? TWO_AT_ONCE : kinds[0] as string, takeoverMs, silenceMs };
}

/** Median, 99th percentile and maximum, as a table shows them. */
export function spread(valuesMs: readonly number[]): string[] {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return [0.5, 0.99, 1].map((share) => at(share)?.toFixed(0) ?? '–');
}
