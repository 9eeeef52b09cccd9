import type { Clock } from '../../actors/shared/environment.ts';

/** Throttles a frequent message to one line per key and interval. Keys are a closed set. */
export class LogThrottle {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #last = new Map<string, { atMs: number; suppressed: number }>();

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Number suppressed for the key since its last line; null when this one is too. */
  admit(key: string): number | null {
    const nowMs = this.#clock.monotonic();
    const last = this.#last.get(key);
    if (last !== undefined && nowMs - last.atMs < this.#everyMs) {
      last.suppressed++;
      return null;
    }
    this.#last.set(key, { atMs: nowMs, suppressed: 0 });
    return last?.suppressed ?? 0;
  }
}
