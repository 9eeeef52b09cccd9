import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Clock } from '../../actors/shared/environment.ts';
import { MonotonicTime, type TimeSources } from './monotonicTime.ts';

/** Node and Deno fire timers with longer delays at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** A timer whose native handle is replaced at each segment of a long delay. */
interface Timer {
  native: ReturnType<typeof setTimeout> | undefined;
}

/** This machine's clock and timers. Monotonic time includes a suspend; timers stand still in one. */
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

/** Linux has hundredths of a second in a file; macOS, and Deno's `uptime`, whole seconds. */
function sourceOfUptime(): Pick<TimeSources, 'uptimeMs' | 'uptimeStepMs'> {
  const fromFile = () => Number.parseFloat(readFileSync(LINUX_UPTIME, 'latin1')) * 1000;
  return isReadable(fromFile)
    ? { uptimeMs: fromFile, uptimeStepMs: 10 }
    : { uptimeMs: () => uptime() * 1000, uptimeStepMs: 1000 };
}

function isReadable(uptimeMs: () => number): boolean {
  try {
    return Number.isFinite(uptimeMs());
  } catch {
    // Other systems have no such file, and a sandbox may hide it.
    return false;
  }
}
