export interface LeaseTiming {
  /** How long the lease lasts without a renewal. */
  durationMs: number;
  /** Period of followers' reads and of the leader's renewals. */
  retryMs: number;
  /**
   * How long before the lease expires, counted from the start of its last renewal, a leader stops
   * acting on its own.
   */
  marginMs: number;
}

/** One sentence per problem of the timing; empty when it is valid. */
export function leaseTimingProblems({ durationMs, retryMs, marginMs }: LeaseTiming): string[] {
  const problems: string[] = [];
  if (durationMs < 500) problems.push(`the lease duration is ${durationMs}ms; it must be at least 500ms`);
  if (retryMs < 20) problems.push(`the lease retry period is ${retryMs}ms; it must be at least 20ms`);
  if (marginMs < 50) problems.push(`the lease margin is ${marginMs}ms; it must be at least 50ms`);
  if (marginMs * 2 > durationMs) {
    problems.push(
      `the lease margin (${marginMs}ms) must be at most half of the lease duration (${durationMs}ms)`,
    );
  }
  if (retryMs * 3 > durationMs - marginMs) {
    problems.push(
      `the lease retry period (${retryMs}ms) must fit three times into the duration less the margin ` +
        `(${durationMs - marginMs}ms), so that two renewals may fail`,
    );
  }
  return problems;
}
