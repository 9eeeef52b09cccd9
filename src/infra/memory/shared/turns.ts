import type { Intercept } from './connection.ts';

/**
 * Lets the process do other things before each call. A memory database answers within the turn of the event loop:
 * a leader that catches up, claim upon claim, would keep timers and requests waiting until it is done.
 */
export const inTurns: Intercept = async (_op, run) => {
  await new Promise<void>((resolve) => setImmediate(resolve));
  return await run();
};
