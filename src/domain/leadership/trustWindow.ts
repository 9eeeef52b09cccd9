import type { LeaseTiming } from './lease.ts';

/**
 * How long a leader may go on believing that it leads, on its own monotonic clock (G5).
 *
 * The server counts the lease from the moment at which it carried out a renewal, which lies between the start
 * of the attempt and its answer. Counting from the *start*, and a margin less, the leader always stops before
 * the lease can be over for others, however long the answer took and whatever its wall clock says.
 */
export class TrustWindow {
  #untilMonotonicMs = -Infinity;
  readonly #lengthMs: number;

  constructor(timing: Pick<LeaseTiming, 'durationMs' | 'marginMs'>) {
    this.#lengthMs = timing.durationMs - timing.marginMs;
  }

  /** A renewal (or acquisition, or claim) that started then has succeeded. */
  renewed(startedMonotonicMs: number): void {
    this.#untilMonotonicMs = Math.max(this.#untilMonotonicMs, startedMonotonicMs + this.#lengthMs);
  }

  /** The grant is over, whatever time is left. */
  end(): void {
    this.#untilMonotonicMs = -Infinity;
  }

  /** Milliseconds of trust left; 0 or less when it is over. */
  leftMs(monotonicMs: number): number {
    return this.#untilMonotonicMs - monotonicMs;
  }
}
