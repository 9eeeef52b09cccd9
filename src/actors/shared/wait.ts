import type { Clock } from './environment.ts';

export function wait(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimeout(resolve, delayMs));
}

/** Whether `done` resolves within the limit; rejects if it rejects first. The work goes on regardless. */
export async function within(clock: Clock, limitMs: number, done: Promise<unknown>): Promise<boolean> {
  let timer: unknown;
  const late = new Promise<false>((resolve) => timer = clock.setTimeout(() => resolve(false), limitMs));
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clock.clearTimeout(timer);
  }
}
