/** What an action knows of a failed attempt beyond its message. */
export interface FailureAdvice {
  /** Whether another attempt could succeed. */
  retries: boolean;
  /** How long the target asked to wait (`Retry-After`), ms. */
  waitMs?: number;
  /** The target wants no more of this schedule's runs: why it is paused. */
  pause?: string;
  /** What is kept of the target's answer. */
  output?: string;
}

/** Rejects the execution of an attempt. Any other error is one that another attempt may not meet. */
export class AttemptFailure extends Error {
  readonly advice: FailureAdvice;

  constructor(message: string, advice: FailureAdvice, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AttemptFailure';
    this.advice = advice;
  }
}

export function adviceOf(error: unknown): FailureAdvice {
  return error instanceof AttemptFailure ? error.advice : { retries: true };
}
