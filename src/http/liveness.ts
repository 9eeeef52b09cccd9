/**
 * The other end of the connections by which followers see at once that this process is gone (G5): an answer
 * that says who is here, and then stays open for as long as the process lives. A process that stops by itself
 * says goodbye first; one that is killed can't, and the kernel closes its connections.
 */
import type { Context } from 'hono';
import type { ApiDeps, Route } from './api.ts';
import { Problem } from './problem.ts';

/** Peers are few; more than this is somebody else (G9). */
const MAX_STREAMS = 64;

export interface Liveness {
  routes: Route[];
  /** Says goodbye on every open connection, and ends it. */
  goodbye(): void;
}

export function liveness({ replica }: Pick<ApiDeps, 'replica'>): Liveness {
  const open = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const encoder = new TextEncoder();
  let leaving = false;

  function stream(c: Context): Response {
    if (leaving) throw new Problem(503, 'this replica is stopping');
    if (open.size >= MAX_STREAMS) {
      throw new Problem(503, `${MAX_STREAMS} peers hold a liveness connection already`);
    }
    const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
    // Nobody would read, or end, its stream.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    let mine: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        mine = controller;
        open.add(controller);
        controller.enqueue(encoder.encode(`${replica.boot}\n`));
      },
      cancel: () => void open.delete(mine),
    });
    return c.body(body, 200, headers);
  }

  return {
    routes: [{
      method: 'GET',
      path: '/liveness',
      summary: 'stay connected for as long as this process lives (for peers)',
      handler: stream,
    }],
    goodbye() {
      leaving = true;
      for (const controller of open) {
        controller.enqueue(encoder.encode('goodbye\n'));
        controller.close();
      }
      open.clear();
    },
  };
}
