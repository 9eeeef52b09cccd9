import type { Peers } from '../../src/actors/leadership/peers.ts';
import type { SimClock } from './clock.ts';
import type { SimProcess } from './process.ts';
import type { SeededRandom } from './random.ts';

/** Liveness connections between processes: a death is noticed within 20 ms, a freeze never. */
export class SimPeers {
  /** Whether a death is noticed before the lease expires. */
  noticeDeaths = true;
  /** By boot: the connections of its watchers, with their boots, the oldest first. */
  readonly #watchers = new Map<string, Map<() => void, string>>();
  readonly #diedMs = new Map<string, number>();
  readonly #clock: SimClock;
  readonly #random: SeededRandom;
  readonly #lives: (boot: string) => boolean;

  constructor(clock: SimClock, random: SeededRandom, lives: (boot: string) => boolean) {
    this.#clock = clock;
    this.#random = random;
    this.#lives = lives;
  }

  /** What one process sees of the others. */
  of(watcher: SimProcess): Peers {
    return {
      // It may be frozen, cut off or dead by now.
      heir: () => this.heirOf(watcher.boot),
      watch: ({ boot }, onDead) => {
        // A boot that was never connected is not reported dead.
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

  /** The boot that has watched this one for the longest time. */
  heirOf(boot: string): string | null {
    return [...this.#watchers.get(boot)?.values() ?? []][0] ?? null;
  }

  died(boot: string): void {
    if (!this.noticeDeaths) return;
    this.#diedMs.set(boot, this.#clock.trueMs);
    for (const notice of this.#watchers.get(boot)?.keys() ?? []) {
      this.#clock.setTimeout(notice, this.#random.between(0.5, 20));
    }
    this.#watchers.delete(boot);
  }
}
