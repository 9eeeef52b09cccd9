/**
 * Cuts off clients that don't take what they are sent. Neither an answer nor a stream of events whose bytes wait
 * for so long is kept, be it for a client that is slow to go away or one that never reads; what waits would fill
 * the memory of the replica (G9).
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Clock } from '../../actors/shared/environment.ts';

/** Longer than the pauses of any network that still works. */
const STALLED_AFTER_MS = 30_000;
const LOOK_EVERY_MS = 5_000;

/** How an answer was when it moved for the last time. */
interface Progress {
  sentBytes: number;
  movedMs: number;
}

/**
 * Watches all answers of the server: one of which something waits to be sent, and nothing has been for 30 s, is
 * broken off. A connection on which nothing waits, such as one for liveness, may be silent for ever. Returns what
 * ends the watch.
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

/** What the connection has taken so far: what was written to it, less what waits. */
function sentOf({ socket }: ServerResponse): number {
  return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
}
