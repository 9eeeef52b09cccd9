import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { BoundedLines, type Losses } from './boundedLines.ts';
import { jsonLogger, type LogLevel, logLine } from './log.ts';
import { standardStream } from './stdio.ts';

export interface StandardLog {
  logger: Logger;
  /** Lines that never reached the reader. */
  losses(): Losses;
  /** Resolves when everything is written, or after `limitMs`: for process exit. */
  flush(limitMs: number): Promise<void>;
}

/** The log on this process's stdout. A slow or absent reader never affects the process. */
export function standardLog(options: { level: LogLevel; replica: string; clock: Clock }): StandardLog {
  const { replica, clock } = options;
  const gap = (lines: number) =>
    logLine({
      time: new Date(clock.now()),
      level: 'warn',
      msg: 'lines are missing here: they were not read in time, or could not be written',
      replica,
      lines,
    });
  const lines = new BoundedLines({ write: standardStream('stdout'), gap });
  return {
    logger: jsonLogger({ ...options, write: (line) => lines.write(line) }),
    losses: () => lines.losses(),
    flush: (limitMs) => lines.flush(limitMs),
  };
}
