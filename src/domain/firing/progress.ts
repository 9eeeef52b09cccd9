import { later, NO_MARK, type Watermark } from '../leadership/watermark.ts';
import { DueQueue } from './dueQueue.ts';

/**
 * How far firing has come, as one replica knows it. The scheduler advances it; the election's renewals write the
 * mark that follows from it (`nextMark`). Nothing in it ever goes back.
 */
export class Progress {
  readonly queue = new DueQueue();
  #mark: Watermark = NO_MARK;
  #mirroredMs = -Infinity;

  /** The latest watermark known to be in the lease. */
  get mark(): Watermark {
    return this.#mark;
  }

  /** The mirror is complete up to here; server time, epoch ms. */
  get mirroredMs(): number {
    return this.#mirroredMs;
  }

  noteMark(mark: Watermark): void {
    this.#mark = later(this.#mark, mark);
  }

  noteMirrored(throughMs: number): void {
    this.#mirroredMs = Math.max(this.#mirroredMs, throughMs);
  }
}
