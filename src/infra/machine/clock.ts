import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Clock } from '../../actors/shared/environment.ts';
import { MonotonicTime, type TimeSources } from './monotonicTime.ts';

/** Node and Deno fire longer delays at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** A timer whose native part is replaced when a long delay goes on to its next piece. */
interface Timer {
  native: ReturnType<typeof setTimeout> | undefined;
}

/** This machine's clock and timers. Its monotonic time counts a suspend; its timers stand still in one. */
export function systemClock(sources: TimeSources = systemSources()): Clock {
  const monotonic = new MonotonicTime(sources);
  return {
    now: sources.wallMs,
    monotonic: () => monotonic.nowMs(),
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

export function systemSources(): TimeSources {
  return { awakeMs: () => performance.now(), wallMs: () => Date.now(), ...sourceOfUptime() };
}

const LINUX_UPTIME = '/proc/uptime';

/** Linux tells hundredths of a second in a file; what Deno makes of that, and macOS, whole seconds. */
function sourceOfUptime(): Pick<TimeSources, 'uptimeMs' | 'uptimeStepMs'> {
  const fromFile = () => Number.parseFloat(readFileSync(LINUX_UPTIME, 'latin1')) * 1000;
  return canTell(fromFile)
    ? { uptimeMs: fromFile, uptimeStepMs: 10 }
    : { uptimeMs: () => uptime() * 1000, uptimeStepMs: 1000 };
}

function canTell(uptimeMs: () => number): boolean {
  try {
    return Number.isFinite(uptimeMs());
  } catch {
    // There is no such file on other systems, and a sandbox may hide it.
    return false;
  }
}
