import type { Clock } from '../../../actors/shared/environment.ts';

/** Changes kept for resumption (G9). */
const KEPT = 10_000;

/** Changes in their order. A position counts all changes before it. */
export class ChangeLog<Change> {
  readonly #waiting = new Set<() => void>();
  readonly #kept: number;
  #changes: Change[] = [];
  /** Position of the oldest change that is kept. */
  #start = 0;

  constructor(kept = KEPT) {
    this.#kept = kept;
  }

  get end(): number {
    return this.#start + this.#changes.length;
  }

  append(change: Change): void {
    this.#changes.push(structuredClone(change));
    if (this.#changes.length > this.#kept * 2) {
      this.#start += this.#changes.length - this.#kept;
      this.#changes = this.#changes.slice(-this.#kept);
    }
    for (const wake of [...this.#waiting]) wake();
  }

  /** The change at a position, null at the end; 'lost' when the history doesn't reach back that far. */
  at(position: number): Change | null | 'lost' {
    if (position === this.end) return null;
    return this.#changes[position - this.#start] ?? 'lost';
  }

  /** Null when the history doesn't reach back that far, or the position never existed. */
  since(position: number): Change[] | null {
    const known = position >= Math.max(this.#start, this.end - this.#kept) && position <= this.end;
    return known ? this.#changes.slice(position - this.#start) : null;
  }

  /** Resolves with the next change, after `limitMs`, or when `wake` is called. */
  wait(clock: Clock, limitMs: number): { done: Promise<void>; wake: () => void } {
    let wake = () => {};
    const done = new Promise<void>((resolve) => {
      const timer = clock.setTimeout(() => wake(), limitMs);
      wake = () => {
        clock.clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
    });
    return { done, wake };
  }
}
