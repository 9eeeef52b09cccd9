/**
 * Sends single HTTP requests to checked addresses (see connector.ts), over kept-alive connections. Every call is one
 * request: no redirect is followed, nothing is sent twice, and no proxy of the environment is used.
 */
import type { Clock } from '../../../actors/shared/environment.ts';
import type { TargetRules } from './addresses.ts';
import { Clients } from './clients.ts';
import { checkedConnector, type Resolve, systemResolve } from './connector.ts';
import { Exchange, type HttpResponse, type Limits } from './exchange.ts';
import { RequestFailure } from './failure.ts';
import { checkedUrl, type OutgoingRequest, whereOf } from './request.ts';

export interface SenderOptions {
  targets: TargetRules;
  clock: Clock;
  /** For look-up, connection and TLS handshake together, ms. */
  connectMs: number;
  /** This machine's, when absent. */
  resolve?: Resolve;
  /** PEM. Trusted instead of the runtime's own certificates. */
  ca?: string;
}

export interface Sender {
  /**
   * One request and its response, of any status. Rejects with a RequestFailure when there is none that is complete,
   * or when the signal is aborted before. A failed request may have had its effect.
   */
  send(request: OutgoingRequest, limits: Limits, signal: AbortSignal): Promise<HttpResponse>;
  /** Ends every connection; requests that are under way reject. */
  close(): Promise<void>;
}

/** Also for trailers. */
const MAX_HEADER_BYTES = 16 * 1024;
/**
 * An idle connection is kept for so long, or for a little less than the receiver offers. A request that meets the
 * receiver's closing fails; few receivers close before 2 s.
 */
const IDLE_MS = 1_500;
const LONGEST_IDLE_MS = 60_000;

export function httpSender(options: SenderOptions): Sender {
  let clients: Promise<Clients> | null = null;
  let closed = false;
  return {
    async send(request, limits, signal) {
      const url = checkedUrl(request);
      if (closed) throw new RequestFailure('aborted', 'No request is sent any more: this replica stops.');
      clients ??= openClients(options);
      return await exchange(await clients, url, request, { limits, signal, clock: options.clock });
    },
    async close() {
      closed = true;
      await (await clients)?.close();
    },
  };
}

/** undici takes 60 ms to load: not before the first request. */
async function openClients(
  { targets, clock, connectMs, resolve = systemResolve, ca }: SenderOptions,
): Promise<Clients> {
  const { Client, buildConnector } = await import('undici');
  const open = buildConnector({ timeout: 0, allowH2: false, ...(ca === undefined ? {} : { ca }) });
  return new Clients((origin, closing) =>
    new Client(origin, {
      connect: checkedConnector(open, { targets, resolve, clock, connectMs, closing }),
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: LONGEST_IDLE_MS,
    })
  );
}

async function exchange(
  clients: Clients,
  url: URL,
  { method, headers, body }: OutgoingRequest,
  options: { limits: Limits; signal: AbortSignal; clock: Clock },
): Promise<HttpResponse> {
  const exchange = new Exchange({ ...options, where: whereOf(url) });
  if (options.signal.aborted) return await exchange.response;
  const leased = clients.take(url.origin);
  leased.client.dispatch({
    path: `${url.pathname}${url.search}`,
    method,
    // Nothing is decompressed.
    headers: { ...headers, 'accept-encoding': 'identity' },
    body,
    idempotent: false,
  }, exchange);
  try {
    return await exchange.response;
  } finally {
    if (exchange.isComplete) clients.giveBack(leased);
    else void clients.discard(leased);
  }
}
