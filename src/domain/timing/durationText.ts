import { parsedText } from '../shared/fields.ts';
import { formatDuration, parseDuration } from './duration.ts';

/** A Go duration from `min` to `max` in a client's JSON; kept as it is written. */
export function durationText(min: string, max: string, { wholeMs = false } = {}) {
  return parsedText('a string such as "300ms"', (text) => {
    const ms = parseDuration(text);
    const written = formatDuration(ms);
    if (ms < 0) throw new Error(`${written} is negative; write ${min} to ${max}`);
    if (ms < parseDuration(min)) throw new Error(`${written} is too short; write at least ${min}`);
    if (ms > parseDuration(max)) throw new Error(`${written} is too long; write at most ${max}`);
    if (wholeMs && !Number.isInteger(ms)) throw new Error(`${written} is not a whole number of milliseconds`);
    return text;
  });
}
