/**
 * Cuts off clients that don't read. No answer or event stream without progress is kept, whether the
 * client is slow to leave or never reads: its unsent bytes would fill the memory of the replica (G9).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock } from '../../actors/shared/environment.ts';

/** Longer than the pauses of any working network. */
const STALLED_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 5_000;

/** An answer's state at its last progress. */
interface Progress {
  sentBytes: number;
  movedMs: number;
}

/**
 * Watches all answers of the server: one with unsent bytes and no progress for 30 s is cut off. A
 * connection with nothing to send, such as one for liveness, may stay silent for ever. Returns the
 * function that ends the watch.
 */
export function cutStalled(server: Server, clock: Clock): () => void {
  const open = new Map<ServerResponse, Progress>();
  let timer: unknown;

  function look(): void {
    timer = open.size > 0 ? clock.setTimeout(look, LOOK_EVERY_MS) : undefined;
    const nowMs = clock.monotonic();
    for (const [answer, progress] of open) {
      const sentBytes = sentOf(answer);
      if (answer.writableLength === 0 || sentBytes !== progress.sentBytes) {
        open.set(answer, { sentBytes, movedMs: nowMs });
      } else if (nowMs - progress.movedMs >= STALLED_AFTER_MS) answer.destroy();
    }
  }

  server.on('request', (_: IncomingMessage, answer: ServerResponse) => {
    open.set(answer, { sentBytes: 0, movedMs: clock.monotonic() });
    answer.on('close', () => open.delete(answer));
    timer ??= clock.setTimeout(look, LOOK_EVERY_MS);
  });
  return () => clock.clearTimeout(timer);
}

/** Bytes that the connection has taken so far: those written to it, less those waiting. */
function sentOf({ socket }: ServerResponse): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
}
