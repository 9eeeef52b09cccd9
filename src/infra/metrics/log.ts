import { Counter, type Registry } from 'prom-client';
import type { Losses } from '../log/boundedLines.ts';

export function logMetrics(registry: Registry, losses: () => Losses): void {
  const counter = (name: string, help: string, value: () => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  counter(
    'scheduler_log_lines_dropped_total',
    'Lines of the log that were dropped, since they were not read or could not be written.',
    () => losses().lines,
  );
  counter(
    'scheduler_log_write_failures_total',
    'Writes of the log that failed: its reader is gone, or its disk is full.',
    () => losses().failures,
  );
}
