import { performance } from 'node:perf_hooks';
import type { Clock } from '../actors/ports.ts';

/** Node and Deno fire longer delays at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** A timer whose native part is replaced when a long delay goes on to its next piece. */
interface Timer {
  native: ReturnType<typeof setTimeout> | undefined;
}

/** This machine's clock and timers. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimeout(fn, delayMs) {
      const timer: Timer = { native: undefined };
      arm(timer, fn, delayMs);
      return timer;
    },
    clearTimeout(handle) {
      clearTimeout((handle as Timer | undefined)?.native);
    },
  };
}

function arm(timer: Timer, fn: () => void, delayMs: number): void {
  const restMs = delayMs - LONGEST_DELAY_MS;
  timer.native = restMs > 0
    ? setTimeout(() => arm(timer, fn, restMs), LONGEST_DELAY_MS)
    : setTimeout(fn, Math.max(0, delayMs));
}
