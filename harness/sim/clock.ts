import type { Clock } from '../../src/actors/shared/environment.ts';

/** What clocks show when a simulation starts. */
export const EPOCH_MS = Date.UTC(2030, 0, 1);

interface Timer {
  dueMs: number;
  order: number;
  /** Null once it has fired or was cleared. */
  fn: (() => void) | null;
}

/**
 * Simulated time. It moves only when told to, from deadline to deadline. After each timer it waits until every
 * promise that can settle has settled, so that the same timers fire in the same order in each run. The timers
 * are in a heap with lazy removal, since a simulation sets and clears one for nearly every call.
 */
export class SimClock implements Clock {
  /** Since the start of the simulation. */
  trueMs = 0;
  /** Timers that fired. */
  steps = 0;
  #order = 0;
  #live = 0;
  #heap: Timer[] = [];
  readonly #startMs: number;

  /** `startMs`: what the wall clock shows at the start, epoch ms. */
  constructor(startMs = EPOCH_MS) {
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + this.trueMs;
  }

  monotonic(): number {
    return this.trueMs;
  }

  /** Timers that are set and have neither fired nor been cleared. */
  get timers(): number {
    return this.#live;
  }

  setTimeout(fn: () => void, delayMs: number): unknown {
    const timer = { dueMs: this.trueMs + Math.max(0, delayMs), order: this.#order++, fn };
    this.#live++;
    this.#push(timer);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    const timer = handle as Timer | undefined;
    if (!timer?.fn) return;
    timer.fn = null;
    this.#live--;
    if (this.#heap.length > 64 && this.#heap.length > this.#live * 3) this.#compact();
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.setTimeout(resolve, delayMs));
  }

  async advance(byMs: number): Promise<void> {
    await this.runUntil(this.trueMs + byMs);
  }

  /** Stops early as soon as `isOver` is true after a step. */
  async runUntil(endMs: number, isOver: () => boolean = () => false): Promise<void> {
    await rest();
    for (let top = this.#heap[0]; top !== undefined && top.dueMs <= endMs; top = this.#heap[0]) {
      this.#pop();
      const { fn } = top;
      if (fn === null) continue;
      top.fn = null;
      this.#live--;
      this.steps++;
      this.trueMs = Math.max(this.trueMs, top.dueMs);
      fn();
      await rest();
      if (isOver()) return;
    }
    this.trueMs = endMs;
  }

  #compact(): void {
    const live = this.#heap.filter((timer) => timer.fn !== null);
    this.#heap = live.sort((a, b) => isBefore(a, b) ? -1 : 1);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex] as Timer;
      if (!isBefore(timer, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Timer;
    if (heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (!isBefore(heap[child] as Timer, last)) break;
      heap[index] = heap[child] as Timer;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

/** Resolves when every promise that can settle without a timer has settled. */
export function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The database server's clock: true time plus an offset, which a failover or an administrator may change. */
export class ServerClock implements Clock {
  offsetMs = 0;
  readonly #true: SimClock;

  constructor(trueClock: SimClock) {
    this.#true = trueClock;
  }

  now(): number {
    return Math.floor(this.#true.now() + this.offsetMs);
  }

  monotonic(): number {
    return this.#true.monotonic();
  }

  setTimeout(fn: () => void, delayMs: number): unknown {
    return this.#true.setTimeout(fn, delayMs);
  }

  clearTimeout(handle: unknown): void {
    this.#true.clearTimeout(handle);
  }
}
