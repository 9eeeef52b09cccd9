import type { Clock } from '../../actors/shared/environment.ts';

/** For what is so many times a second, and worth a line once in a while. Keys are of a closed set. */
export class LogThrottle {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #last = new Map<string, { atMs: number; leftOut: number }>();

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** How many of the key were left out since the last one that was not; null when this one should be as well. */
  turn(key: string): number | null {
    const nowMs = this.#clock.monotonic();
    const last = this.#last.get(key);
    if (last !== undefined && nowMs - last.atMs < this.#everyMs) {
      last.leftOut++;
      return null;
    }
    this.#last.set(key, { atMs: nowMs, leftOut: 0 });
    return last?.leftOut ?? 0;
  }
}
