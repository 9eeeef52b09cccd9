import type { Clock } from '../../actors/shared/environment.ts';

export interface WaitLimits {
  clock: Clock;
  maxWaiting: number;
  maxWaitMs: number;
  /** The error for a caller beyond these limits. */
  busy(): Error;
}

/** Limits concurrency. Callers wait first come, first served; without `limits`, for as long as it takes. */
export class Semaphore {
  #free: number;
  readonly #limits: WaitLimits | null;
  /** Each function starts one waiting caller. */
  readonly #waiting = new Set<() => void>();

  constructor(permits: number, limits: WaitLimits | null = null) {
    this.#free = permits;
    this.#limits = limits;
  }

  /** Runs the body once a permit is free. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait();
    try {
      return await body();
    } finally {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free++;
    }
  }

  async #wait(): Promise<void> {
    const limits = this.#limits;
    if (limits !== null && this.#waiting.size >= limits.maxWaiting) throw limits.busy();
    await new Promise<void>((resolve, reject) => {
      let timer: unknown;
      const begin = () => {
        limits?.clock.clearTimeout(timer);
        this.#waiting.delete(begin);
        resolve();
      };
      const giveUp = (error: Error) => {
        this.#waiting.delete(begin);
        reject(error);
      };
      if (limits !== null) timer = limits.clock.setTimeout(() => giveUp(limits.busy()), limits.maxWaitMs);
      this.#waiting.add(begin);
    });
  }
}
