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

  /** The number of lines of the key suppressed since its last one; null when this one is suppressed. */
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
