/**
 * The server side of the connections by which followers detect the death of this process at once
 * (G5): an answer that identifies the process, and then stays open while the process lives. A process
 * that stops by itself says goodbye first; one that is killed can't, and the kernel closes its
 * connections. A follower states its boot. The announced follower with the oldest connection is the
 * heir of a leader that stops: it has had the time to get ready.
 *
 * The headers of every answer state this process's boot and its uptime: that tells a process that
 * replaced another one from several behind one address. HEAD answers only that.
 */
import type { Context } from 'hono';
import type { Clock } from '../../actors/shared/environment.ts';
import { isBoot } from '../../domain/membership/replica.ts';
import { short } from '../../domain/shared/text.ts';
import type { ApiDeps, Route } from '../shared/api.ts';
import { type KnownPeers, LivenessPlaces } from './livenessPlaces.ts';
import { refuseOthers } from '../shared/paging.ts';
import { Problem } from '../shared/problem.ts';

export interface LivenessDeps extends Pick<ApiDeps, 'replica'> {
  clock: Clock;
  known: KnownPeers;
}

export interface Liveness {
  routes: Route[];
  /** Boot of the live replica with the oldest connection; or null. */
  eldest(): string | null;
  /** Says goodbye on every open connection, and ends it. */
  goodbye(): void;
}

export function liveness({ replica, clock, known }: LivenessDeps): Liveness {
  const open = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const places = new LivenessPlaces(known, clock);
  const encoder = new TextEncoder();
  const startedMs = clock.monotonic();
  let leaving = false;

  const identity = () => ({
    'Hascheduler-Boot': replica.boot,
    'Hascheduler-Up-Ms': String(Math.floor(clock.monotonic() - startedMs)),
  });

  function stream(c: Context): Response {
    const boot = readBoot(c);
    if (leaving) throw new Problem(503, 'this replica is stopping', { headers: identity() });
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', ...identity() };
    // No client would read, or end, its stream.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    let mine: ReadableStreamDefaultController<Uint8Array>;
    const leave = places.take(boot, () => {
      open.delete(mine);
      mine.close();
    });
    if (leave === null) {
      throw new Problem(503, 'as many connections as there is room for are held already', {
        headers: identity(),
      });
    }
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        mine = controller;
        open.add(controller);
        controller.enqueue(encoder.encode(`${replica.boot}\n`));
      },
      cancel() {
        leave();
        open.delete(mine);
      },
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
    eldest: () => places.eldest(replica.boot),
    goodbye() {
      leaving = true;
      places.clear();
      for (const controller of open) {
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
