import type { Clock } from './environment.ts';

export function wait(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimeout(resolve, delayMs));
}

/** Whether it is done within the time; rejects when it does so first. Whatever it is goes on all the same. */
export async function within(clock: Clock, limitMs: number, done: Promise<unknown>): Promise<boolean> {
  let timer: unknown;
  const late = new Promise<false>((resolve) => timer = clock.setTimeout(() => resolve(false), limitMs));
  try {
    return await Promise.race([done.then(() => true), late]);
  } finally {
    clock.clearTimeout(timer);
  }
}
