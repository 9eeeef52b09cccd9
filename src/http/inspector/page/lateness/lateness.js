/** Statistics of lateness. */

/** @import { Run } from '../types.d.ts' */

/**
 * @param {number[]} sorted ascending, not empty
 * @param {number} share from 0 to 1
 */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/**
 * @typedef {object} Buckets statistics of equal parts of a time; null where no run started
 * @property {number[]} timesMs the end of each part, epoch ms
 * @property {number[]} counts
 * @property {(number | null)[]} p50
 * @property {(number | null)[]} p99
 * @property {(number | null)[]} worst
 */

/**
 * @param {readonly Run[]} runs that were started
 * @param {number} fromMs
 * @param {number} toMs
 * @param {number} parts
 * @returns {Buckets}
 */
export function bucketed(runs, fromMs, toMs, parts) {
  const widthMs = (toMs - fromMs) / parts;
  /** @type {number[][]} */
  const buckets = Array.from({ length: parts }, () => []);
  for (const run of runs) {
    buckets[Math.floor((Date.parse(run.scheduled_for) - fromMs) / widthMs)]?.push(run.lateness_ms);
  }
  for (const bucket of buckets) bucket.sort((a, b) => a - b);
  const of = (/** @type {number} */ share) =>
    buckets.map((bucket) => bucket.length ? percentile(bucket, share) : null);
  return {
    timesMs: buckets.map((_, i) => fromMs + (i + 1) * widthMs),
    counts: buckets.map((bucket) => bucket.length),
    p50: of(0.5),
    p99: of(0.99),
    worst: of(1),
  };
}
