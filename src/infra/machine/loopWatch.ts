import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { LogThrottle } from '../log/logThrottle.ts';

const EVERY_MS = 20;
/** The default lease gives a leader several times this; a longer delay is a fault. */
const WARN_MS = 200;
const WARN_EVERY_MS = 5_000;

/**
 * Measures how late timers fire: for so long other work blocked the event loop, or the process was
 * stopped. A leader with a blocked loop fires late, and eventually loses its lease. Returns what
 * stops it.
 */
export function watchLoop(clock: Clock, logger: Logger, measured: (delayMs: number) => void): () => void {
  const throttle = new LogThrottle(clock, WARN_EVERY_MS);
  let timer: unknown;
  let dueMs = 0;
  function arm(): void {
    dueMs = clock.monotonic() + EVERY_MS;
    timer = clock.setTimeout(check, EVERY_MS);
  }
  function check(): void {
    const delayMs = Math.max(0, clock.monotonic() - dueMs);
    measured(delayMs);
    if (delayMs > WARN_MS) warn(delayMs);
    arm();
  }
  function warn(delayMs: number): void {
    const suppressed = throttle.admit('blocked');
    if (suppressed === null) return;
    logger.warn('the event loop was blocked, by long work or because the process was stopped', {
      delay_ms: Math.round(delayMs),
      suppressed,
    });
  }
  arm();
  return () => clock.clearTimeout(timer);
}
