import type { ChangeStream, ChangeStreamDocument, Document } from 'mongodb';
import { StoreUnavailable } from '../../../actors/shared/storeErrors.ts';

/** How long the server waits for a change before an empty answer; shorter than the socket timeout. */
export const AWAIT_MS = 500;

/**
 * Opens a change stream on the server; rejects if it can't. The driver sends the request with the
 * first `tryNext`, which also waits for a change: its answer is returned as a separate promise.
 */
export async function openStream<T extends Document, C extends ChangeStreamDocument<T>>(
  stream: ChangeStream<T, C>,
): Promise<{ first: Promise<C | null> }> {
  const first = nextChange(stream);
  // The reader awaits it later; until then, a rejection must not be unhandled.
  first.catch(() => {});
  // Emitted with the first answer, unless that holds a change already.
  const answer = new Promise<void>((resolve) => stream.once('resumeTokenChanged', () => resolve()));
  await Promise.race([first, answer]);
  return { first };
}

/** The next change, or null if none came for a while; rejects when the stream has ended. */
export async function nextChange<T extends Document, C extends ChangeStreamDocument<T>>(
  stream: ChangeStream<T, C>,
): Promise<C | null> {
  const change = await stream.tryNext();
  // The server ends a stream when its collection is gone; the driver then returns null at once, forever.
  if (change === null && stream.closed) throw new StoreUnavailable('the change stream has ended');
  return change;
}
