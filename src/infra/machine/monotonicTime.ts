/** Readings of a machine's clocks, ms, each from its own origin. */
export interface TimeSources {
  /** Never goes back, but may stand still while the machine is suspended. */
  awakeMs(): number;
  /** The wall clock: cheap to read, and set at any time. */
  wallMs(): number;
  /** Advances during a suspend. Too expensive to read each time. */
  uptimeMs(): number;
  /** `uptimeMs` is truncated to multiples of this. */
  uptimeStepMs: number;
}

/** Smaller differences between wall clock and monotonic clock are ignored. */
const NOTICEABLE_MS = 30;
/** Two clock readings further apart than this do not belong to one moment. */
const ONE_MOMENT_MS = 2;
const MOST_READINGS = 5;

/**
 * Monotonic time that includes suspends. `performance.now()` stands still in a suspend on Linux and
 * macOS; a lease does not.
 *
 * The wall clock, which is corrected after a suspend, shows when to check for one: when it moved by
 * another amount than the monotonic clock. The uptime shows how long it was. Merely setting the
 * wall clock changes nothing. Both clocks bound each other: the uptime is coarse, and the wall
 * clock may be set during a suspend.
 *
 * Not detected: a virtual machine stopped with all of its clocks, and a suspend of less than
 * `uptimeStepMs`.
 */
export class MonotonicTime {
  readonly #sources: TimeSources;
  #sleptMs = 0;
  /** As of the last check: wall clock less monotonic clock, and uptime less monotonic clock. */
  #wallApartMs: number;
  #uptimeApartMs: number;

  constructor(sources: TimeSources) {
    this.#sources = sources;
    this.#wallApartMs = sources.wallMs() - sources.awakeMs();
    this.#uptimeApartMs = this.#readUptimeApartMs();
  }

  /** Milliseconds from an arbitrary origin; never decreases. */
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

  /** A delay between the two readings would look like a suspend: the least difference counts. */
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
