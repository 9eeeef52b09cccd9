import type { ScheduleChange } from '../../actors/ports.ts';

/** How many changes are kept for those who resume (G9). */
const KEPT = 10_000;

/** The changes of the schedules in their order. A position counts all changes before it. */
export class ChangeLog {
  readonly #waiting = new Set<() => void>();
  #changes: ScheduleChange[] = [];
  /** Position of the oldest change that is kept. */
  #start = 0;

  get end(): number {
    return this.#start + this.#changes.length;
  }

  append(change: ScheduleChange): void {
    this.#changes.push(structuredClone(change));
    if (this.#changes.length > KEPT * 2) {
      this.#start += this.#changes.length - KEPT;
      this.#changes = this.#changes.slice(-KEPT);
    }
    for (const wake of [...this.#waiting]) wake();
  }

  /** Null when the history doesn't reach back that far, or there never was such a position. */
  since(position: number): ScheduleChange[] | null {
    const known = position >= Math.max(this.#start, this.end - KEPT) && position <= this.end;
    return known ? this.#changes.slice(position - this.#start) : null;
  }

  /** Calls `wake` at each change until the returned function is called. */
  onAppend(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
