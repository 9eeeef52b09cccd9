/**
 * The server side of the connections by which followers detect the death of this process at once
 * (G5): a response that identifies the process, and stays open while the process lives. A process
 * that stops sends a goodbye first; one that is killed can't, and the kernel closes its connections. A
 * follower sends its boot. The announced follower with the oldest connection is the heir of a leader
 * that stops: it has had the time to get ready.
 *
 * The headers of every response contain this process's boot and uptime: they distinguish a process
 * that replaced another one from several behind one address. HEAD returns only these.
 */
import type { Context } from 'hono';
import type { Clock } from '../../actors/shared/environment.ts';
import { isBoot } from '../../domain/membership/replica.ts';
import { short } from '../../domain/shared/text.ts';
import type { ApiDeps, Route } from '../shared/api.ts';
import { type KnownPeers, LivenessConnections } from './livenessConnections.ts';
import { refuseUnknown } from '../shared/paging.ts';
import { Problem } from '../shared/problem.ts';

export interface LivenessDeps extends Pick<ApiDeps, 'replica'> {
  clock: Clock;
  known: KnownPeers;
}

export interface Liveness {
  routes: Route[];
  /** Boot of the live replica with the oldest connection; or null. */
  eldest(): string | null;
  /** Sends a goodbye on every open connection, and ends it. */
  goodbye(): void;
}

export function liveness({ replica, clock, known }: LivenessDeps): Liveness {
  const open = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const connections = new LivenessConnections(known, clock);
  const encoder = new TextEncoder();
  const startedMs = clock.monotonic();
  let stopping = false;

  const identity = () => ({
    'Hascheduler-Boot': replica.boot,
    'Hascheduler-Up-Ms': String(Math.floor(clock.monotonic() - startedMs)),
  });

  function stream(c: Context): Response {
    const boot = readBoot(c);
    if (stopping) throw new Problem(503, 'this replica is stopping', { headers: identity() });
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', ...identity() };
    // A stream would have no reader, and no end.
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    let own: ReadableStreamDefaultController<Uint8Array>;
    const release = connections.admit(boot, () => {
      open.delete(own);
      own.close();
    });
    if (release === null) {
      throw new Problem(503, 'this replica has its limit of liveness connections; try again later', {
        headers: identity(),
      });
    }
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        own = controller;
        open.add(controller);
        controller.enqueue(encoder.encode(`${replica.boot}\n`));
      },
      cancel() {
        release();
        open.delete(own);
      },
    });
    return c.body(body, 200, headers);
  }

  return {
    routes: [{
      method: 'GET',
      path: '/liveness',
      summary: 'a connection that lasts as long as this process (for peers)',
      handler: stream,
    }],
    eldest: () => connections.eldest(replica.boot),
    goodbye() {
      stopping = true;
      connections.clear();
      for (const controller of open) {
        controller.enqueue(encoder.encode('goodbye\n'));
        controller.close();
      }
      open.clear();
    },
  };
}

function readBoot(c: Context): string | null {
  refuseUnknown(c, ['boot'], 'this connection, which has');
  const boot = c.req.query('boot');
  if (boot === undefined) return null;
  if (isBoot(boot)) return boot;
  throw new Problem(400, `boot: ${short(boot)} is not a UUID`);
}
