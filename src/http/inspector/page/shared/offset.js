/** How far the server's clock is from this machine's, by what messages say. Pure. */

const SAMPLES = 12;
/** No message is on its way for so long: the clock was set back. */
const SET_BACK_MS = 15_000;

/**
 * The samples that count with a new one: what the server's clock said when it sent a message, less what this machine's
 * said when that came, ms.
 * @param {readonly number[]} samples
 * @param {number} sample
 */
export function withSample(samples, sample) {
  const isSetBack = samples.length > 0 && sample < offsetOf(samples) - SET_BACK_MS;
  return isSetBack ? [sample] : [...samples, sample].slice(-SAMPLES);
}

/**
 * Of some messages, the one that was on its way for the shortest time is nearest to the truth.
 * @param {readonly number[]} samples not empty
 */
export function offsetOf(samples) {
  return Math.max(...samples);
}
