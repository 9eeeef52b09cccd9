import type { Peers } from '../../src/actors/leadership/peers.ts';
import type { TrueClock } from './clock.ts';
import type { SimProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

/** Liveness connections between processes: one that dies is noticed a moment later, a frozen one never. */
export class SimPeers {
  /** By whom they watch; and who each is, the eldest first. */
  readonly #watchers = new Map<string, Map<() => void, string>>();
  readonly #diedMs = new Map<string, number>();
  readonly #clock: TrueClock;
  readonly #random: SeededRandom;
  readonly #lives: (boot: string) => boolean;

  constructor(clock: TrueClock, random: SeededRandom, lives: (boot: string) => boolean) {
    this.#clock = clock;
    this.#random = random;
    this.#lives = lives;
  }

  /** What one process sees of the others. */
  of(watcher: SimProcess): Peers {
    return {
      // Possibly one that is frozen, cut off or dead by now.
      heir: () => [...this.#watchers.get(watcher.boot)?.values() ?? []][0] ?? null,
      watch: ({ boot }, onDead) => {
        // Nobody that was never met is told dead.
        if (!this.#lives(boot)) return () => {};
        let ended = false;
        const sinceMs = () => this.#clock.trueMs - (this.#diedMs.get(boot) as number);
        const notice = () => void watcher.whenAwake(() => ended || onDead(sinceMs()));
        const watchers = this.#watchers.get(boot) ?? new Map<() => void, string>();
        this.#watchers.set(boot, watchers.set(notice, watcher.boot));
        return () => {
          ended = true;
          watchers.delete(notice);
        };
      },
    };
  }

  died(boot: string): void {
    this.#diedMs.set(boot, this.#clock.trueMs);
    for (const notice of this.#watchers.get(boot)?.keys() ?? []) {
      this.#clock.setTimeout(notice, this.#random.between(0.5, 20));
    }
    this.#watchers.delete(boot);
  }
}
