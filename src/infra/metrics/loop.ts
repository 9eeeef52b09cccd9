import { Gauge, Histogram, type Registry } from 'prom-client';

/** Returns the observer of measured event loop delays. */
export function loopMetrics(registry: Registry): (delayMs: number) => void {
  const registers = [registry];
  let longestMs = 0;
  new Gauge({
    name: 'scheduler_event_loop_delay_max_seconds',
    help: 'Longest time for which the event loop was blocked since the last scrape.',
    registers,
    collect() {
      this.set(longestMs / 1000);
      longestMs = 0;
    },
  });
  const delays = new Histogram({
    name: 'scheduler_event_loop_delay_seconds',
    help: 'Delay of timers of 20 ms.',
    buckets: [.002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5],
    registers,
  });
  return (delayMs) => {
    longestMs = Math.max(longestMs, delayMs);
    delays.observe(delayMs / 1000);
  };
}
