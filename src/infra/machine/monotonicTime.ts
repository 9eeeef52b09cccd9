/** What the clocks of a machine say, ms, each from a start of its own. */
export interface TimeSources {
  /** Never goes back, but may stand still while the machine is suspended. */
  awakeMs(): number;
  /** The wall clock: cheap to ask, and set at any time by anybody. */
  wallMs(): number;
  /** Goes on while the machine is suspended. Too dear to be asked each time. */
  uptimeMs(): number;
  /** `uptimeMs` is cut to multiples of this. */
  uptimeStepMs: number;
}

/** Wall clock and monotonic clock that drift apart by less than this tell nothing. */
const NOTICEABLE_MS = 30;
/** A reading of two clocks that took longer than this does not belong to one moment. */
const ONE_MOMENT_MS = 2;
const MOST_READINGS = 5;

/**
 * Monotonic time that counts what the machine has slept. `performance.now()` stands still in a suspend on
 * Linux and macOS; a lease does not.
 *
 * The wall clock, which is put right after a suspend, tells when there may be something to count: when it has
 * moved by another time than the monotonic clock. How much was slept, the time since boot tells. A wall clock
 * that was only set changes nothing. Both clocks bound each other: the time since boot is coarse, the wall clock
 * may have been set and slept through at once.
 *
 * Not noticed: a virtual machine that is stopped with all of its clocks, and a suspend of less than `uptimeStepMs`.
 */
export class MonotonicTime {
  readonly #sources: TimeSources;
  #sleptMs = 0;
  /** As of the last look: wall clock less monotonic clock, and time since boot less monotonic clock. */
  #wallApartMs: number;
  #uptimeApartMs: number;

  constructor(sources: TimeSources) {
    this.#sources = sources;
    this.#wallApartMs = sources.wallMs() - sources.awakeMs();
    this.#uptimeApartMs = this.#readUptimeApartMs();
  }

  /** Milliseconds that only ever grow, from an arbitrary start. */
  nowMs(): number {
    const awakeMs = this.#sources.awakeMs();
    const wallApartMs = this.#sources.wallMs() - awakeMs;
    const wallMovedMs = wallApartMs - this.#wallApartMs;
    if (Math.abs(wallMovedMs) > NOTICEABLE_MS) {
      this.#wallApartMs = wallApartMs;
      this.#countSleep(wallMovedMs);
    }
    return awakeMs + this.#sleptMs;
  }

  #countSleep(wallMovedMs: number): void {
    const { uptimeStepMs } = this.#sources;
    const uptimeApartMs = this.#readUptimeApartMs();
    const uptimeMovedMs = uptimeApartMs - this.#uptimeApartMs;
    this.#uptimeApartMs = uptimeApartMs;
    const leastMs = uptimeMovedMs - uptimeStepMs - ONE_MOMENT_MS;
    if (leastMs <= 0) return;
    this.#sleptMs += Math.min(Math.max(wallMovedMs, leastMs), uptimeMovedMs + uptimeStepMs);
  }

  /** A process that is held up between the two readings would take that for sleep: the least one counts. */
  #readUptimeApartMs(): number {
    const sources = this.#sources;
    let leastMs = Infinity;
    for (let reading = 1; reading <= MOST_READINGS; reading++) {
      const beforeMs = sources.awakeMs();
      leastMs = Math.min(leastMs, sources.uptimeMs() - beforeMs);
      if (sources.awakeMs() - beforeMs <= ONE_MOMENT_MS) break;
    }
    return leastMs;
  }
}
