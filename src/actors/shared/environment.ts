/** Injected everywhere in place of ambient time, randomness and output. */

/** The only source of time. */
export interface Clock {
  /** Wall clock of this machine, epoch ms. It may jump: for log lines only. */
  now(): number;
  /**
   * Monotonic clock, ms from an arbitrary start. It advances while the process is frozen, and while
   * the machine is suspended.
   */
  monotonic(): number;
  /**
   * Accepts any delay, also over 2^31−1 ms. A timer stops while the machine is suspended: check
   * deadlines against `monotonic`.
   */
  setTimeout(fn: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** The only source of randomness. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  uuid(): string;
}

export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
