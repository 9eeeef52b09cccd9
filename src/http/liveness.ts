/**
 * The other end of the connections by which followers see at once that this process is gone (G5): an answer
 * that says who is here, and then stays open for as long as the process lives. A process that stops by itself
 * says goodbye first; one that is killed can't, and the kernel closes its connections. A follower says who it is, and
 * whoever has been here for longest is the heir of a leader that stops: it has had the time to get ready.
 */
import type { Context } from 'hono';
import { isBoot } from '../domain/replica.ts';
import { short } from '../domain/text.ts';
import type { ApiDeps, Route } from './api.ts';
import { refuseOthers } from './paging.ts';
import { Problem } from './problem.ts';

/** Peers are few; more than this is somebody else (G9). */
const MAX_STREAMS = 64;

export interface Liveness {
  routes: Route[];
  /** Boot of the peer that has been connected for longest, of those that have said who they are; or null. */
  eldest(): string | null;
  /** Says goodbye on every open connection, and ends it. */
  goodbye(): void;
}

export function liveness({ replica }: Pick<ApiDeps, 'replica'>): Liveness {
  /** And who is there, if they said so; the eldest first. */
  const open = new Map<ReadableStreamDefaultController<Uint8Array>, string | null>();
  const encoder = new TextEncoder();
  let leaving = false;

  function stream(c: Context): Response {
    const boot = readBoot(c);
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
        open.set(controller, boot);
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
    eldest: () => [...open.values()].find((boot) => boot !== null) ?? null,
    goodbye() {
      leaving = true;
      for (const controller of open.keys()) {
        controller.enqueue(encoder.encode('goodbye\n'));
        controller.close();
      }
      open.clear();
    },
  };
}

function readBoot(c: Context): string | null {
  refuseOthers(c, ['boot'], 'this connection, which has');
  const boot = c.req.query('boot');
  if (boot === undefined) return null;
  if (isBoot(boot)) return boot;
  throw new Problem(400, `boot: ${short(boot)} is not a uuid`);
}
