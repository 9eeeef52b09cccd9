/**
 * Cuts off clients that don't read, whether they have vanished or stopped reading: the unsent bytes of
 * their responses and event streams would fill the memory of the replica (G9).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock } from '../../actors/shared/environment.ts';

/** Longer than the pauses of any working network. */
const STALLED_AFTER_MS = 30_000;
const CHECK_EVERY_MS = 5_000;

/** A response's state at its last progress. */
interface Progress {
  sentBytes: number;
  movedMs: number;
}

/**
 * Watches all responses of the server: one with unsent bytes and no progress for 30 s is cut off. One
 * with nothing to send, such as a liveness connection, may stay silent for ever. Returns the function
 * that ends the watch.
 */
export function cutStalled(server: Server, clock: Clock): () => void {
  const open = new Map<ServerResponse, Progress>();
  let timer: unknown;

  function check(): void {
    timer = open.size > 0 ? clock.setTimeout(check, CHECK_EVERY_MS) : undefined;
    const nowMs = clock.monotonic();
    for (const [response, progress] of open) {
      const sentBytes = sentOf(response);
      if (response.writableLength === 0 || sentBytes !== progress.sentBytes) {
        open.set(response, { sentBytes, movedMs: nowMs });
      } else if (nowMs - progress.movedMs >= STALLED_AFTER_MS) response.destroy();
    }
  }

  server.on('request', (_: IncomingMessage, response: ServerResponse) => {
    open.set(response, { sentBytes: 0, movedMs: clock.monotonic() });
    response.on('close', () => open.delete(response));
    timer ??= clock.setTimeout(check, CHECK_EVERY_MS);
  });
  return () => clock.clearTimeout(timer);
}

/** Bytes sent so far on the connection: those written to it, less those still buffered. */
function sentOf({ socket }: ServerResponse): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
}
