/** Statistics over how late runs started. */

/** @import { Run } from './types.d.ts' */

/**
 * @param {number[]} sorted ascending, not empty
 * @param {number} share from 0 to 1
 */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/**
 * Percentiles of lateness in equal parts of a time. Parts without a run have null.
 * @param {readonly Run[]} runs that were started
 * @param {number} fromMs
 * @param {number} toMs
 * @param {number} parts
 * @returns {{ timesS: number[], p50: (number | null)[], p99: (number | null)[], worst: (number | null)[] }} `timesS` are the ends of the parts, epoch seconds
 */
export function bucketed(runs, fromMs, toMs, parts) {
  const widthMs = (toMs - fromMs) / parts;
  /** @type {number[][]} */
  const buckets = Array.from({ length: parts }, () => []);
  for (const run of runs) {
    const index = Math.floor((Date.parse(run.scheduled_for) - fromMs) / widthMs);
    buckets[index]?.push(run.lateness_ms);
  }
  for (const bucket of buckets) bucket.sort((a, b) => a - b);
  const of = (/** @type {number} */ share) =>
    buckets.map((bucket) => bucket.length ? percentile(bucket, share) : null);
  return {
    timesS: buckets.map((_, i) => (fromMs + (i + 1) * widthMs) / 1000),
    p50: of(0.5),
    p99: of(0.99),
    worst: of(1),
  };
}
