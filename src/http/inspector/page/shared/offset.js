/** The offset of the server's clock from this machine's, estimated from messages. Pure. */

const SAMPLES = 12;
/** No message is in flight for this long: the clock was set back. */
const SET_BACK_MS = 15_000;

/**
 * Adds a sample: the server's clock at the sending of a message, less this machine's at its arrival,
 * ms. Returns the samples that count.
 * @param {readonly number[]} samples
 * @param {number} sample
 */
export function withSample(samples, sample) {
  const isSetBack = samples.length > 0 && sample < offsetOf(samples) - SET_BACK_MS;
  return isSetBack ? [sample] : [...samples, sample].slice(-SAMPLES);
}

/**
 * The message with the shortest time in flight gives the best estimate.
 * @param {readonly number[]} samples not empty
 */
export function offsetOf(samples) {
  return Math.max(...samples);
}
