import type { Clock } from '../actors/shared/environment.ts';

/**
 * Runs `work` with a signal that aborts after `limitMs`. The timer ends with the work, so that it keeps no
 * process alive.
 */
export async function withLimit<T>(
  clock: Clock,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = clock.setTimeout(() => limit.abort(), limitMs);
  try {
    return await work(limit.signal);
  } finally {
    clock.clearTimeout(timer);
  }
}
