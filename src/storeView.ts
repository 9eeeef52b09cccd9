import { later, type Lease, type Watermark } from './domain/leadership/lease.ts';

/** What a replica has last heard from its store: the lease, when that was, and what is wrong with the store. */
export class StoreView {
  #lease: Lease | null = null;
  #answeredMs = -Infinity;
  #trouble: unknown = null;

  /** As it was seen last; null before the first look. */
  get lease(): Lease | null {
    return this.#lease;
  }

  /** Why the store can't be used just now; null when it can. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** The store has answered, with this lease if with any. An answer that was overtaken counts as an answer only. */
  answered(lease: Lease | null, monotonicMs: number): void {
    this.#answeredMs = monotonicMs;
    this.#trouble = null;
    if (lease !== null && lease.term >= (this.#lease?.term ?? 0)) this.#lease = lease;
  }

  failed(error: unknown): void {
    this.#trouble = error;
  }

  isSilent(forMs: number, monotonicMs: number): boolean {
    return monotonicMs - this.#answeredMs >= forMs;
  }

  /** The lease as it was seen last, with the latest watermark that is known. */
  leaseWith(mark: Watermark | undefined): Lease | null {
    const lease = this.#lease;
    return lease &&
      { ...lease, watermark: mark === undefined ? lease.watermark : later(lease.watermark, mark) };
  }
}
