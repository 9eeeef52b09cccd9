/** Number of moments at or before `throughMs`, by binary search; `times` ascend. */
export function countThrough(times: readonly Date[] | Float64Array, throughMs: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (momentAt(times, middle) <= throughMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Epoch ms; NaN where there is none. */
export function momentAt(times: readonly Date[] | Float64Array, index: number): number {
  const time = times[index];
  return typeof time === 'number' ? time : time?.getTime() ?? NaN;
}
