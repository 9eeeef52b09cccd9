/** The oracle's book of executors: how many runs each holds, and whether it may count as dead. */
import type { Witness } from './oracle.ts';

/** An executor that has announced itself within this lives, and keeps its runs. */
const DEAD_AFTER_MS = 5000;
/** A change whose answer is lost is sent again until there is one: as long as a way to the store is bad. */
const CHANGED_WITHIN_MS = 30_000;

export class ExecutorBook {
  readonly #trueMs: () => number;
  readonly #fail: (sentence: string) => void;
  /** Number of open runs by the boot that has them. */
  readonly #held = new Map<string, number>();
  /** When each boot announced itself last, true time. */
  readonly #seenMs = new Map<string, number>();
  /** When a boot was last heard of again after it had been silent for so long that it counted as dead. */
  readonly #backMs = new Map<string, number>();

  constructor(trueMs: () => number, fail: (sentence: string) => void) {
    this.#trueMs = trueMs;
    this.#fail = fail;
  }

  announced(boot: string): void {
    const nowMs = this.#trueMs();
    if (nowMs - (this.#seenMs.get(boot) ?? nowMs) >= DEAD_AFTER_MS) this.#backMs.set(boot, nowMs);
    this.#seenMs.set(boot, nowMs);
  }

  left(boot: string): void {
    this.#seenMs.delete(boot);
  }

  /** A run is this boot's now, or no more. */
  count(boot: string | null, by: 1 | -1): void {
    if (boot !== null) this.#held.set(boot, (this.#held.get(boot) ?? 0) + by);
  }

  checkPlaces({ name, boot, places }: Witness): void {
    const held = this.#held.get(boot) ?? 0;
    if (held > places) this.#fail(`G9: ${name} holds ${held} runs, and has ${places} places.`);
  }

  /** A run was taken from it: it must have been silent. */
  checkDead(boot: string, what: string): void {
    const silentMs = this.#trueMs() - (this.#seenMs.get(boot) ?? -Infinity);
    // One that comes back between the decision and the write still loses its run: both count, one outcome does.
    const backMs = this.#trueMs() - (this.#backMs.get(boot) ?? -Infinity);
    if (silentMs < DEAD_AFTER_MS && backMs > CHANGED_WITHIN_MS) {
      this.#fail(`G7: ${what} was taken from ${boot}, seen ${silentMs} ms ago.`);
    }
  }
}
