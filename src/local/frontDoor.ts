/**
 * One address for several replicas, as a Kubernetes Service is: each request goes to the next replica that is
 * ready. It knows nothing of leaders, keeps no state, and never sends a request twice once a byte of it may
 * have arrived.
 */
import { createServer, request } from 'node:http';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { type HostNames, mayOmitHost } from '../domain/hostNames.ts';
import { forwardedHeaders, withoutHopByHop } from './headers.ts';

export interface Upstream {
  id: string;
  /** On 127.0.0.1. */
  port: number;
}

export interface FrontDoorOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  upstreams: readonly Upstream[];
  /** By which it answers. */
  names: HostNames;
  /** Known to the replicas: what comes with it has been let in here. */
  secret: string;
  /** Told whenever a replica begins or ceases to get requests: the ids of those that get them. */
  onChange?: (live: readonly string[]) => void;
  probeEveryMs?: number;
  probeTimeoutMs?: number;
  /**
   * A request or an answer on which nothing has moved for so long is broken off. Longer than any heartbeat of
   * an event stream.
   */
  idleLimitMs?: number;
}

export interface FrontDoor {
  port: number;
  /** Takes no more requests and breaks off those that are still open. */
  close(): Promise<void>;
}

const UPSTREAM_HOST = '127.0.0.1';

/**
 * Resolves when it listens; rejects as `server.listen` does (`EADDRINUSE`). No replica is live before its
 * first probe.
 */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { upstreams, names, secret, probeEveryMs = 500, probeTimeoutMs = 1_000, idleLimitMs = 120_000 } =
    options;
  const live = new Set<string>();
  let turn = 0;

  function setLive(id: string, isLive: boolean): void {
    if (live.has(id) === isLive) return;
    if (isLive) live.add(id);
    else live.delete(id);
    options.onChange?.(upstreams.filter((upstream) => live.has(upstream.id)).map((upstream) => upstream.id));
  }

  /** The live ones, beginning with the one whose turn it is. */
  function inTurn(): Upstream[] {
    turn = (turn + 1) % upstreams.length;
    return [...upstreams.slice(turn), ...upstreams.slice(0, turn)].filter((upstream) =>
      live.has(upstream.id)
    );
  }

  async function serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { host } = incoming.headers;
    if (!(names.answers(host) || !host && mayOmitHost(pathOf(incoming)))) {
      return problem(answer, 421, 'Misdirected Request', names.refusal(host));
    }
    for (const upstream of inTurn()) {
      const outgoing = await connect(incoming, upstream.port, secret);
      if (outgoing) return relay(incoming, outgoing, answer, upstream.id, idleLimitMs);
      setLive(upstream.id, false);
    }
    answer.setHeader('retry-after', '1');
    problem(answer, 503, 'Service Unavailable', 'No replica is ready. Try again in a second.');
  }

  const server = createServer((incoming, answer) => void serve(incoming, answer));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const { port, address } = server.address() as AddressInfo;
  names.listensAt(address);
  const probes = upstreams.map((upstream) =>
    probeForever(upstream.port, { probeEveryMs, probeTimeoutMs }, (ready) => setLive(upstream.id, ready))
  );
  return {
    port,
    async close() {
      for (const stop of probes) stop();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?')[0] as string;
}

/** A request that is connected, with nothing of it sent; null when the connection was refused. */
function connect(
  incoming: IncomingMessage,
  port: number,
  secret: string,
): Promise<ClientRequest | null> {
  const outgoing = request({
    host: UPSTREAM_HOST,
    port,
    method: incoming.method,
    path: incoming.url,
    headers: forwardedHeaders(incoming, secret),
    // A connection of its own for each request: a kept one could close just as it is used, and whether the
    // request arrived would be anybody's guess.
    agent: false,
  });
  return new Promise((resolve) => {
    outgoing.once('error', () => resolve(null));
    outgoing.once('socket', (socket) => socket.once('connect', () => resolve(outgoing)));
  });
}

/** Streams the request out and the answer back, and breaks off one side when the other breaks. */
function relay(
  incoming: IncomingMessage,
  outgoing: ClientRequest,
  answer: ServerResponse,
  id: string,
  idleLimitMs: number,
): void {
  // Half an answer must not look like a whole one: after its headers, the pipeline breaks the client's
  // connection.
  const fail = (status: number, title: string, what: string) => {
    const detail = `${id} ${what}. Whether it acted on the request is unknown.`;
    if (!answer.headersSent) problem(answer, status, title, detail);
  };
  outgoing.on('error', () => fail(502, 'Bad Gateway', 'broke the connection before it answered'));
  outgoing.setTimeout(idleLimitMs, () => {
    fail(504, 'Gateway Timeout', `has not answered within ${idleLimitMs / 1000} s`);
    outgoing.destroy();
  });
  outgoing.on('response', (response) => {
    answer.writeHead(response.statusCode ?? 502, withoutHopByHop(response.headers));
    // An event stream may have nothing to say for long: its headers must not wait for it.
    answer.flushHeaders();
    pipeline(response, answer, () => {});
  });
  answer.once('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
}

function problem(answer: ServerResponse, status: number, title: string, detail: string): void {
  answer.writeHead(status, { 'content-type': 'application/problem+json' });
  answer.end(JSON.stringify({ type: 'about:blank', title, status, detail }));
}

/** Asks for /readyz again and again, one question at a time. Returns what ends it. */
function probeForever(
  port: number,
  { probeEveryMs, probeTimeoutMs }: { probeEveryMs: number; probeTimeoutMs: number },
  tell: (ready: boolean) => void,
): () => void {
  let over = false;
  let timer: NodeJS.Timeout;
  async function probe(): Promise<void> {
    const ready = await isReady(port, probeTimeoutMs);
    if (over) return;
    tell(ready);
    timer = setTimeout(probe, probeEveryMs);
  }
  void probe();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

async function isReady(port: number, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${UPSTREAM_HOST}:${port}/readyz`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}
