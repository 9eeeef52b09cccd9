import type { Intercept } from './connection.ts';

/**
 * Yields to the event loop before each call. A memory database answers within the same turn: a
 * leader that catches up, claim upon claim, would block timers and requests until it is done.
 */
export const inTurns: Intercept = async (_op, run) => {
  await new Promise<void>((resolve) => setImmediate(resolve));
  return await run();
};
