import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { boundedLines, type Losses } from './boundedLines.ts';
import { jsonLogger, type LogLevel, logLine } from './log.ts';
import { standardStream } from './stdio.ts';

export interface StandardLog {
  logger: Logger;
  /** What its reader did not get. */
  losses(): Losses;
  /** Resolves when all of it is written, or after so long: for the end of the process. */
  flush(limitMs: number): Promise<void>;
}

/** The log on this process's stdout. Whether it is read, and by whom, makes no difference to the process. */
export function standardLog(options: { level: LogLevel; replica: string; clock: Clock }): StandardLog {
  const { replica, clock } = options;
  const gap = (lines: number) =>
    logLine({
      time: new Date(clock.now()),
      level: 'warn',
      msg: 'lines are missing here: the log was not read, or could not be written',
      replica,
      lines,
    });
  const { write, flush, losses } = boundedLines({ write: standardStream('stdout'), gap });
  return { logger: jsonLogger({ ...options, write }), losses, flush };
}
