import type { Lease } from './domain/leadership/lease.ts';
import { later, type Watermark } from './domain/leadership/watermark.ts';

/** A replica's latest view of its store: the lease, the time of the last answer, the last error. */
export class StoreView {
  #lease: Lease | null = null;
  #answeredMs = -Infinity;
  #trouble: unknown = null;
  /** The latest term that this replica asked for without an answer: it may have begun, and no record names it. */
  #askedTerm = 0;

  /** The lease as last seen; null before the first look. */
  get lease(): Lease | null {
    return this.#lease;
  }

  /** The error that makes the store unusable now; null when it is usable. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** Notes an answer, with its lease, if any. A lease of an older term counts as an answer only. */
  answered(lease: Lease | null, monotonicMs: number): void {
    this.#answeredMs = monotonicMs;
    this.#trouble = null;
    if (lease !== null && lease.term >= (this.#lease?.term ?? 0)) this.#lease = lease;
  }

  failed(error: unknown): void {
    this.#trouble = error;
  }

  /** A request for the next term got no answer. */
  askedInVain(): void {
    this.#askedTerm = (this.#lease?.term ?? 0) + 1;
  }

  isSilent(forMs: number, monotonicMs: number): boolean {
    return monotonicMs - this.#answeredMs >= forMs;
  }

  /** The lease as last seen, with the latest known watermark. */
  leaseWith(mark: Watermark): Lease | null {
    const lease = this.#lease;
    return lease && { ...lease, watermark: later(lease.watermark, mark) };
  }

  /** The same, to make the lease document again by: no term may begin twice. */
  leaseToRestore(mark: Watermark): Lease | null {
    const lease = this.leaseWith(mark);
    if (lease === null || lease.term >= this.#askedTerm) return lease;
    return { ...lease, holder: null, boot: null, term: this.#askedTerm };
  }
}
