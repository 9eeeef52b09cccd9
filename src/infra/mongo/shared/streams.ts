import type { ChangeStream, ChangeStreamDocument, Document } from 'mongodb';
import { StoreUnavailable } from '../../../actors/shared/storeErrors.ts';

/** How long the server waits for a change before it answers with none; shorter than the socket's timeout. */
export const AWAIT_MS = 500;

/**
 * Opens a change stream on the server; rejects if it can't. The driver sends the request with the first
 * `tryNext`, which waits for a change as well: that one's answer comes as a promise of its own.
 */
export async function opened<T extends Document, C extends ChangeStreamDocument<T>>(
  stream: ChangeStream<T, C>,
): Promise<{ first: Promise<C | null> }> {
  const first = nextOf(stream);
  // Whoever reads the stream awaits it; until then its failure is nobody's.
  first.catch(() => {});
  // Told when the first answer has come, unless that holds a change already.
  const answer = new Promise<void>((resolve) => stream.once('resumeTokenChanged', () => resolve()));
  await Promise.race([first, answer]);
  return { first };
}

/** The next change, or null if there was none for a while; rejects when the stream has ended. */
export async function nextOf<T extends Document, C extends ChangeStreamDocument<T>>(
  stream: ChangeStream<T, C>,
): Promise<C | null> {
  const change = await stream.tryNext();
  // The server ends a stream when its collection goes, and the driver then answers with nothing, at once, for
  // ever.
  if (change === null && stream.closed) throw new StoreUnavailable('the change stream has ended');
  return change;
}
