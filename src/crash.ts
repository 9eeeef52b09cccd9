/**
 * What a process does about an exception that nothing caught. What it holds in memory may be wrong from then on, so it
 * ends, as it would by itself; but it says so in one line of the log, and gives the lease back before.
 */
import process from 'node:process';
import type { Clock, Logger } from './actors/shared/environment.ts';
import { within } from './actors/shared/wait.ts';

/** How long the end may wait for the lease to be given back. */
const FAREWELL_MS = 1_000;

export interface CrashHandler {
  /** What is to be done before the end, from now on. */
  before(farewell: () => Promise<void>): void;
}

/** From now on, the first exception that nothing caught ends the process, with exit code 1. */
export function endOnException(logger: Logger, clock: Clock): CrashHandler {
  let farewell = () => Promise.resolve();
  let isEnding = false;

  const end = async (source: string, thrown: unknown) => {
    // What else goes wrong follows from the first, or from the end.
    if (isEnding) return;
    isEnding = true;
    // Off while the replica works (main.ts); now the lines count.
    process.setSourceMapsEnabled?.(true);
    logger.error('this replica ends: something was thrown that nothing caught, which is a bug', {
      source,
      error: thrown instanceof Error ? thrown : String(thrown),
      stack: thrown instanceof Error ? thrown.stack : undefined,
    });
    try {
      const isDone = await within(clock, FAREWELL_MS, farewell());
      if (!isDone) logger.warn('the lease was not given back in time; it will expire');
    } catch (error) {
      logger.warn('the lease could not be given back; it will expire', { error });
    } finally {
      process.exit(1);
    }
  };

  process.on('uncaughtException', (error) => void end('exception', error));
  process.on('unhandledRejection', (reason) => void end('rejection', reason));
  return { before: (what) => farewell = what };
}
