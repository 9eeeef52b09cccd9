import { Gauge, Histogram, type Registry } from 'prom-client';

/** Returns the observer of measured event loop delays. */
export function loopMetrics(registry: Registry): (delayMs: number) => void {
  const registers = [registry];
  let longestMs = 0;
  new Gauge({
    name: 'scheduler_event_loop_delay_max_seconds',
    help: 'For how long the event loop was held up at most since this was read the last time.',
    registers,
    collect() {
      this.set(longestMs / 1000);
      longestMs = 0;
    },
  });
  const delays = new Histogram({
    name: 'scheduler_event_loop_delay_seconds',
    help: 'By how much timers of 20 ms were late.',
    buckets: [.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5],
    registers,
  });
  return (delayMs) => {
    longestMs = Math.max(longestMs, delayMs);
    delays.observe(delayMs / 1000);
  };
}
