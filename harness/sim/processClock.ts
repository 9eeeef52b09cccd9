import type { Clock } from '../../src/actors/shared/environment.ts';
import { MonotonicTime, type TimeSources } from '../../src/infra/machine/monotonicTime.ts';
import type { SimClock } from './clock.ts';
import type { Host } from './host.ts';
import type { Mutation } from './mutation.ts';

interface Timer {
  /** Of the simulated clock. */
  handle: unknown;
  fire: () => void;
  dueMs: number;
}

/**
 * The clocks and timers of one process, as its host has them: skewed, a little fast or slow, and stopped while the host
 * is suspended. A frozen process sees its timers fire when it wakes.
 */
export class ProcessClock implements Clock {
  readonly #clock: SimClock;
  readonly #host: Host;
  readonly #time: MonotonicTime;
  readonly #timers = new Set<Timer>();
  /** Resolves when the process wakes; null while it is awake. */
  readonly #frozen: () => Promise<void> | null;
  #stopped = false;

  constructor(clock: SimClock, host: Host, frozen: () => Promise<void> | null, mutation: Mutation | null) {
    this.#clock = clock;
    this.#host = host;
    this.#frozen = frozen;
    const asleepMs = () =>
      host.sleptMs + (host.asleepSinceMs === null ? 0 : clock.trueMs - host.asleepSinceMs);
    const sources: TimeSources = {
      awakeMs: () => host.monotonicStartMs + (clock.trueMs - asleepMs()) * host.rate,
      wallMs: () => clock.now() + host.skewMs,
      uptimeMs: () => Math.floor(clock.trueMs * host.rate / 10) * 10,
      uptimeStepMs: 10,
    };
    this.#time = new MonotonicTime(mutation?.time?.(sources) ?? sources);
  }

  now(): number {
    return this.#clock.now() + this.#host.skewMs;
  }

  monotonic(): number {
    return this.#time.nowMs();
  }

  setTimeout(fn: () => void, delayMs: number): unknown {
    const clock = this.#clock;
    const fire = () => {
      this.#timers.delete(timer);
      if (this.#stopped) return;
      const frozen = this.#frozen();
      if (frozen) void frozen.then(() => (timer.handle = clock.setTimeout(fire, 0)));
      else fn();
    };
    const waitMs = delayMs / this.#host.rate;
    const timer: Timer = { handle: clock.setTimeout(fire, waitMs), fire, dueMs: clock.trueMs + waitMs };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: unknown): void {
    if (handle === undefined) return;
    const timer = handle as Timer;
    this.#timers.delete(timer);
    this.#clock.clearTimeout(timer.handle);
  }

  /** No timer fires any more. */
  stop(): void {
    this.#stopped = true;
    this.#pause();
    this.#timers.clear();
  }

  /** The host is suspended: the timers stand still. */
  suspend(): void {
    this.#host.asleepSinceMs = this.#clock.trueMs;
    this.#pause();
  }

  /** The host goes on, if it was suspended; so do the timers, with the time that they had left. */
  resume(): void {
    const host = this.#host;
    if (host.asleepSinceMs === null) return;
    const sleptMs = this.#clock.trueMs - host.asleepSinceMs;
    host.sleptMs += sleptMs;
    host.asleepSinceMs = null;
    for (const timer of this.#timers) {
      timer.dueMs += sleptMs;
      timer.handle = this.#clock.setTimeout(timer.fire, timer.dueMs - this.#clock.trueMs);
    }
  }

  #pause(): void {
    for (const { handle } of this.#timers) this.#clock.clearTimeout(handle);
  }
}
