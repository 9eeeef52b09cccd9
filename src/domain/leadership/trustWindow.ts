import type { LeaseTiming } from './leaseTiming.ts';

/**
 * The trust window: how long a leader acts without hearing from the store, on its own monotonic
 * clock (G5).
 *
 * The server counts the lease from the moment it executed a renewal, between the start of the
 * attempt and its response. The window counts from the *start*, less a margin: the leader always
 * stops before the lease can expire for others, however long the response took, and independently of
 * wall clocks.
 */
export class TrustWindow {
  #untilMonotonicMs = -Infinity;
  readonly #lengthMs: number;

  constructor(timing: Pick<LeaseTiming, 'durationMs' | 'marginMs'>) {
    this.#lengthMs = timing.durationMs - timing.marginMs;
  }

  /** A renewal (or acquisition, or claim) that started at this time has succeeded. */
  renewed(startedMonotonicMs: number): void {
    this.#untilMonotonicMs = Math.max(this.#untilMonotonicMs, startedMonotonicMs + this.#lengthMs);
  }

  /** The grant is over, even if time is left. */
  end(): void {
    this.#untilMonotonicMs = -Infinity;
  }

  /** Milliseconds of trust left; 0 or less when it is over. */
  leftMs(monotonicMs: number): number {
    return this.#untilMonotonicMs - monotonicMs;
  }
}
