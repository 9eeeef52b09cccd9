/**
 * One address for several replicas, like a Kubernetes Service: each request goes to the next ready
 * replica. It has no notion of a leader, keeps no state, and never resends a request once a byte of
 * it may have arrived, with one exception: a request that only reads goes to another replica when the
 * first one falls silent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../actors/shared/environment.ts';
import { type HostNames, mayOmitHost } from '../../domain/membership/hostNames.ts';
import { createStrictServer } from '../../http/server/strictServer.ts';
import { connect, relay } from './exchange.ts';
import { sendProblem, sendUnavailable } from './problem.ts';
import { type UpstreamAddress, Upstreams } from './upstreams.ts';

export interface FrontDoorOptions {
  host: string;
  /** 0 takes a free port. */
  port: number;
  upstreams: readonly UpstreamAddress[];
  /** Host names that it answers to. */
  names: HostNames;
  /** Shared with the replicas: proves that a request was admitted here. */
  secret: string;
  clock: Clock;
  /** Called with the ids of all ready replicas, when one starts or stops getting requests. */
  onChange?: (ready: readonly string[]) => void;
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

/**
 * Resolves when it listens; rejects as `server.listen` does (`EADDRINUSE`). No replica gets requests
 * before its first probe.
 */
export async function openFrontDoor(options: FrontDoorOptions): Promise<FrontDoor> {
  const { names, clock, probeEveryMs = 500, probeTimeoutMs = 1_000, idleLimitMs = 120_000 } = options;
  const upstreams = new Upstreams(options.upstreams, options.onChange ?? (() => {}));
  const forwarding = { upstreams, secret: options.secret, idleLimitMs };
  const server = createStrictServer({}, (incoming, response) => {
    const { host } = incoming.headers;
    if (names.accepts(host) || !host && mayOmitHost(pathOf(incoming))) {
      void forward(incoming, response, forwarding);
    } else sendProblem(response, 421, 'Misdirected Request', names.refusal(host));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => resolve());
  });
  const { port, address } = server.address() as AddressInfo;
  names.listensAt(address);
  const stopProbes = upstreams.probe(clock, { probeEveryMs, probeTimeoutMs });
  return {
    port,
    async close() {
      stopProbes();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Forwarding {
  upstreams: Upstreams;
  secret: string;
  idleLimitMs: number;
}

/** Tries the ready replicas in turn, until one has answered. */
async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  { upstreams, secret, idleLimitMs }: Forwarding,
): Promise<void> {
  const tried = new Set<string>();
  let isSent = false;
  for (let upstream = upstreams.next(tried); upstream; upstream = upstreams.next(tried)) {
    tried.add(upstream.id);
    const outgoing = await connect(incoming, upstream, secret);
    if (outgoing === null) {
      upstreams.refusedConnection(upstream.id);
      continue;
    }
    if (response.destroyed) return void outgoing.destroy();
    // At most one resend: a request that silences replicas must not reach all of them.
    const canResend = isSent ? () => false : () => upstreams.hasOther(tried);
    isSent = true;
    const outcome = await relay({ incoming, outgoing, response, upstream, idleLimitMs, canResend });
    if (outcome === 'answered') return;
  }
  sendUnavailable(response, 'No replica is ready. Try again in a second.');
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?')[0] as string;
}
