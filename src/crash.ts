/**
 * Handling of uncaught exceptions. In-memory state may be wrong afterwards, so the process exits, as
 * it would by default; first it logs one line and releases the lease.
 */
import process from 'node:process';
import type { Clock, Logger } from './actors/shared/environment.ts';
import { within } from './actors/shared/wait.ts';

/** Limit for releasing the lease before the exit, ms. */
const FAREWELL_MS = 1_000;

export interface CrashHandler {
  /** Sets what runs before the exit, from now on. */
  before(farewell: () => Promise<void>): void;
}

/** From this call on, the first uncaught exception or rejection exits the process with code 1. */
export function endOnException(logger: Logger, clock: Clock): CrashHandler {
  let farewell = () => Promise.resolve();
  let isEnding = false;

  const end = async (source: string, thrown: unknown) => {
    // Later errors follow from the first, or from the exit.
    if (isEnding) return;
    isEnding = true;
    // Off in normal operation (main.ts); now source lines matter.
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
