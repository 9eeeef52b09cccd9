/**
 * Progress of a change stream, from its resume token.
 *
 * The token's `_data` is a hex key string: 82 (a timestamp follows), 4 bytes of seconds and 4 of a
 * counter: the cluster time through which all changes have been delivered. The format is
 * undocumented, but unchanged since MongoDB 4.0.7; tokens of any other form give no progress.
 */

/**
 * A change takes effect, by `$$NOW`, before it gets its cluster time: up to 1 s before, which the
 * writes' time limit enforces, and another second for differences between the members' clocks.
 */
const PROGRESS_SLACK_MS = 2000;

/**
 * Epoch ms through which all changes that took effect have been delivered; null when the token
 * doesn't say.
 */
export function progressMs(token: unknown): number | null {
  const data = (token as { _data?: unknown } | null | undefined)?._data;
  const seconds = typeof data === 'string' ? /^82([0-9a-f]{8})[0-9a-f]{8}/i.exec(data)?.[1] : undefined;
  return seconds === undefined ? null : parseInt(seconds, 16) * 1000 - PROGRESS_SLACK_MS;
}
