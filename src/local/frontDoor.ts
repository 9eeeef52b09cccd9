/**
 * One address for several replicas, like a Kubernetes Service: each request goes to the next ready
 * replica. It has no notion of a leader, keeps no state, and never resends a request once a byte of
 * it may have arrived, with one exception: a request that only reads goes to another replica when the
 * first one falls silent.
 */
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { type HostNames, mayOmitHost } from '../domain/membership/hostNames.ts';
import { createStrictServer } from '../http/server/strictServer.ts';
import { forwardedHeaders, withoutHopByHop } from './headers.ts';
import { type Patient, probeForever, Silence } from './probes.ts';

export interface Upstream {
  id: string;
  /** On 127.0.0.1. */
  port: number;
}

export interface FrontDoorOptions {
  host: string;
  /** 0 takes a free port. */
  port: number;
  upstreams: readonly Upstream[];
  /** Host names that it answers to. */
  names: HostNames;
  /** Shared with the replicas: proves that a request was admitted here. */
  secret: string;
  /** Called with the ids of all live replicas, when one starts or stops getting requests. */
  onChange?: (live: readonly string[]) => void;
  probeEveryMs?: number;
  probeTimeoutMs?: number;
  /**
   * A request or an answer without progress for this long is cut off. Longer than any heartbeat of an
   * event stream.
   */
  idleLimitMs?: number;
}

export interface FrontDoor {
  port: number;
  /** Refuses new requests and cuts off open ones. */
  close(): Promise<void>;
}

const UPSTREAM_HOST = '127.0.0.1';
/** For a request that may have arrived. */
const UNKNOWN = 'Whether it acted on the request is unknown.';

/**
 * Resolves when it listens; rejects as `server.listen` does (`EADDRINUSE`). No replica is live before
 * its first probe.
 */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { upstreams, names, secret, probeEveryMs = 500, probeTimeoutMs = 1_000, idleLimitMs = 120_000 } =
    options;
  const live = new Set<string>();
  const silences = new Map(upstreams.map(({ id }) => [id, new Silence()]));
  let turn = 0;

  function setLive(id: string, isLive: boolean): void {
    if (live.has(id) === isLive) return;
    if (isLive) live.add(id);
    else live.delete(id);
    options.onChange?.(upstreams.filter((upstream) => live.has(upstream.id)).map((upstream) => upstream.id));
  }

  /** The live replicas in round-robin order. */
  function inTurn(): Upstream[] {
    turn = (turn + 1) % upstreams.length;
    return [...upstreams.slice(turn), ...upstreams.slice(0, turn)].filter((upstream) =>
      live.has(upstream.id)
    );
  }

  async function serve(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { host } = incoming.headers;
    if (!(names.accepts(host) || !host && mayOmitHost(pathOf(incoming)))) {
      return problem(answer, 421, 'Misdirected Request', names.refusal(host));
    }
    const tried = new Set<string>();
    const next = () => inTurn().find(({ id }) => !tried.has(id));
    let isSent = false;
    for (let upstream = next(); upstream; upstream = next()) {
      const { id, port } = upstream;
      tried.add(id);
      const silence = silences.get(id)!;
      const outgoing = await connect(incoming, port, { silence, secret });
      if (outgoing === null) {
        setLive(id, false);
        continue;
      }
      if (answer.destroyed) return void outgoing.destroy();
      // At most one resend: a request that silences replicas must not reach all of them.
      const hasOther = isSent
        ? () => false
        : () => upstreams.some(({ id }) => live.has(id) && !tried.has(id));
      isSent = true;
      const ended = await relay({ incoming, outgoing, answer, id, idleLimitMs, silence, hasOther });
      if (ended === 'answered') return;
    }
    unavailable(answer, 'No replica is ready. Try again in a second.');
  }

  const server = createStrictServer({}, (incoming, answer) => void serve(incoming, answer));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const { port, address } = server.address() as AddressInfo;
  names.listensAt(address);
  const probes = upstreams.map((upstream) =>
    probeForever(upstream.port, { probeEveryMs, probeTimeoutMs }, (seen) => {
      setLive(upstream.id, seen === 'ready');
      silences.get(upstream.id)!.note(seen);
    })
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

/**
 * A connected request with nothing sent yet; null when the replica refused the connection or no
 * longer accepts any.
 */
function connect(
  incoming: IncomingMessage,
  port: number,
  { silence, secret }: { silence: Silence; secret: string },
): Promise<ClientRequest | null> {
  const outgoing = request({
    host: UPSTREAM_HOST,
    port,
    method: incoming.method,
    path: incoming.url,
    headers: forwardedHeaders(incoming, secret),
    // One connection per request: a kept one could close just as it is used, and leave unknown
    // whether the request arrived.
    agent: false,
  });
  return new Promise((resolve) => {
    const unwatch = silence.watch({ suspected: () => outgoing.destroy(), gone: () => outgoing.destroy() });
    const settle = (result: ClientRequest | null) => {
      unwatch();
      resolve(result);
    };
    outgoing.once('error', () => settle(null));
    outgoing.once('socket', (socket) => socket.once('connect', () => settle(outgoing)));
  });
}

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ClientRequest;
  answer: ServerResponse;
  /** The replica's id. */
  id: string;
  idleLimitMs: number;
  silence: Silence;
  /** Whether another replica is available for a resend. */
  hasOther: () => boolean;
}

/**
 * Streams the request out and the answer back; when one side breaks, cuts off the other.
 * `unanswered`: the replica fell silent before the first byte of its answer, and the request may go
 * to another one.
 */
function relay(exchange: Exchange): Promise<'answered' | 'unanswered'> {
  const { incoming, outgoing, answer, id, idleLimitMs, silence } = exchange;
  return new Promise((resolve) => {
    /** Grows with each chunk of the answer. */
    let received = 0;
    const unwatch = silence.watch(patience(exchange, () => received, () => settle('unanswered')));
    const settle = (how: 'answered' | 'unanswered') => {
      unwatch();
      resolve(how);
    };
    // A partial answer must not look complete: after its headers, the pipeline breaks the client's
    // connection.
    const fail = (status: number, title: string, what: string) => {
      if (!answer.headersSent) problem(answer, status, title, `${id} ${what}. ${UNKNOWN}`);
    };
    outgoing.on('error', () => fail(502, 'Bad Gateway', 'broke the connection before it answered'));
    outgoing.setTimeout(idleLimitMs, () => {
      fail(504, 'Gateway Timeout', `has not answered within ${idleLimitMs / 1000} s`);
      outgoing.destroy();
    });
    outgoing.on('response', (response) => {
      received++;
      response.on('data', () => received++);
      answer.writeHead(response.statusCode ?? 502, withoutHopByHop(response.headers));
      // An event stream may be quiet for long: its headers must not wait for the first chunk.
      answer.flushHeaders();
      pipeline(response, answer, () => {});
    });
    answer.once('close', () => {
      settle('answered');
      outgoing.destroy();
    });
    if (hasBody(incoming)) incoming.pipe(outgoing);
    else outgoing.end();
  });
}

/**
 * How long an exchange waits for a silent replica. A request that only reads goes to another replica
 * at the first failed probe. All others wait for certainty: then a write gets a 503 that says its
 * outcome is unknown, and a stalled answer, such as an event stream, is cut off, so that its client
 * reconnects to another replica.
 */
function patience(
  { incoming, outgoing, answer, id, hasOther }: Exchange,
  received: () => number,
  askAnother: () => void,
): Patient {
  const onlyReads = ['GET', 'HEAD'].includes(incoming.method ?? '') && !hasBody(incoming);
  let before = 0;
  const drop = () => {
    outgoing.removeAllListeners('error').on('error', () => {});
    outgoing.destroy();
  };
  return {
    suspected() {
      before = received();
      if (!onlyReads || before > 0 || !hasOther()) return;
      drop();
      askAnother();
    },
    gone() {
      // Data arrived nevertheless: the replica is slow, not gone.
      const isMoving = received() > before;
      before = received();
      if (isMoving) return;
      drop();
      if (answer.headersSent) return void answer.destroy();
      // Drains the rest of the request, so that the client gets to read the answer.
      incoming.unpipe(outgoing).resume();
      unavailable(answer, `${id} does not answer. ${onlyReads ? 'Try again in a second.' : UNKNOWN}`);
    },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function unavailable(answer: ServerResponse, detail: string): void {
  answer.setHeader('retry-after', '1');
  problem(answer, 503, 'Service Unavailable', detail);
}

function problem(answer: ServerResponse, status: number, title: string, detail: string): void {
  answer.writeHead(status, { 'content-type': 'application/problem+json' });
  answer.end(JSON.stringify({ type: 'about:blank', title, status, detail }));
}
