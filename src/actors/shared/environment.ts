/** What every part of the product is given in place of ambient time, chance and output. */

/** The only source of time. */
export interface Clock {
  /** Wall clock of this machine, epoch milliseconds: for log lines only, it may jump. */
  now(): number;
  /**
   * Milliseconds that only ever grow, from an arbitrary start. Goes on while the process is frozen, and counts the time
   * for which the machine is suspended.
   */
  monotonic(): number;
  /**
   * Any delay is fine, also one over 2^31−1 ms. A timer stands still while the machine is suspended: what must not
   * happen too late is to be asked of `monotonic`.
   */
  setTimeout(fn: () => void, delayMs: number): unknown;
  clearTimeout(handle: unknown): void;
}

/** The only source of chance. */
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
