/** A front door, and fake replicas behind it whose answers a test defines. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HostNames } from '../../../src/domain/membership/hostNames.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { type FrontDoorOptions, openFrontDoor } from '../../../src/local/door/frontDoor.ts';

export interface Backend {
  id: string;
  port: number;
  /** The requests that arrived, without probes. */
  received: string[];
  ready: boolean;
  /** Accepts connections and answers nothing. */
  frozen: boolean;
  /** Resolves after this many more probes, answered or not. */
  probed(times: number): Promise<void>;
  close(): Promise<void>;
}

const opened: { close(): Promise<void> }[] = [];

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const one of opened.splice(0).reverse()) await one.close();
}

/** `handler` answers all requests except probes; by default the answer is the id. */
export async function startBackend(id: string, handler?: RequestListener): Promise<Backend> {
  let probes = 0;
  let wake = () => {};
  const probed = async (times: number) => {
    for (const enough = probes + times; probes < enough;) {
      await new Promise<void>((resolve) => wake = resolve);
    }
  };
  const backend: Backend = {
    ...{ id, port: 0, received: [], ready: true, frozen: false, probed },
    close: async () => {},
  };
  const server = createServer((request, response) => {
    if (request.url === '/readyz') {
      response.once('close', () => {
        probes++;
        wake();
      });
      if (!backend.frozen) response.writeHead(backend.ready ? 200 : 503).end();
      return;
    }
    backend.received.push(`${request.method} ${request.url}`);
    if (handler) handler(request, response);
    else response.end(id);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  backend.port = (server.address() as AddressInfo).port;
  let closed: Promise<void> | undefined;
  backend.close = () =>
    closed ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  opened.push(backend);
  return backend;
}

/**
 * A front door before these backends. Resolves when the first `ready` of them (all by default) get requests;
 * `becomes` awaits later changes.
 */
export async function startDoor(
  upstreams: Backend[],
  options: Partial<FrontDoorOptions> & { ready?: number } = {},
) {
  let present: readonly string[] = [];
  let wake = () => {};
  const onChange = (ready: readonly string[]) => {
    present = ready;
    wake();
  };
  const door = await openFrontDoor({
    ...{ host: '127.0.0.1', port: 0, probeEveryMs: 10, upstreams, clock: systemClock() },
    names: new HostNames({ names: ['jobs.example'], own: [] }),
    secret: 'of this door',
    onChange,
    ...options,
  });
  opened.push(door);
  const becomes = async (expected: string[]) => {
    while (present.join() !== expected.join()) await new Promise<void>((resolve) => wake = resolve);
  };
  await becomes(upstreams.map((upstream) => upstream.id).slice(0, options.ready ?? upstreams.length));
  return { url: `http://127.0.0.1:${door.port}`, port: door.port, becomes };
}

export async function problemOf(response: Response): Promise<{ status: number; detail: string }> {
  return await response.json() as { status: number; detail: string };
}

export async function textOf(url: string, init?: RequestInit): Promise<string> {
  return await (await fetch(url, init)).text();
}
