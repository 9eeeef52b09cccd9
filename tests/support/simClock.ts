import type { Clock } from '../../src/actors/shared/environment.ts';

interface Timer {
  dueMs: number;
  order: number;
  fn: () => void;
}

/**
 * A clock that moves only when told to. It steps from deadline to deadline, and lets everything that a timer
 * set off come to rest before the next one, so that chained timers fire as often as they would in real time,
 * always in the same order.
 */
export class SimClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2030, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  /** Starts elsewhere than the wall clock, as a real one does. */
  monotonic(): number {
    return this.#nowMs - 1_000_000;
  }

  setTimeout(fn: () => void, delayMs: number): unknown {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    this.#timers.delete(handle as Timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await rest();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.fn();
      await rest();
    }
    this.#nowMs = endMs;
  }

  #next(endMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > endMs) continue;
      if (
        first === undefined || timer.dueMs < first.dueMs ||
        (timer.dueMs === first.dueMs && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  }
}

/** Resolves when no promise is left that can go on by itself. */
export function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
