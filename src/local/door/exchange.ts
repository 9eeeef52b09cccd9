/** One request to one replica, and its answer, streamed in both directions. */
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { forwardedHeaders, withoutHopByHop } from './headers.ts';
import type { SilenceListener } from './probes.ts';
import { sendProblem, sendUnavailable } from './problem.ts';
import type { Upstream } from './upstreams.ts';

const UPSTREAM_HOST = '127.0.0.1';
/** For a request that the replica may have received. */
const OUTCOME_UNKNOWN = 'Whether it acted on the request is unknown.';

/**
 * A connected request with nothing sent yet; null when the replica refused the connection or no
 * longer accepts any.
 */
export function connect(
  incoming: IncomingMessage,
  { port, silence }: Upstream,
  secret: string,
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
    const abort = () => outgoing.destroy();
    const unsubscribe = silence.subscribe({ suspected: abort, gone: abort });
    const settle = (result: ClientRequest | null) => {
      unsubscribe();
      resolve(result);
    };
    outgoing.once('error', () => settle(null));
    outgoing.once('socket', (socket) => socket.once('connect', () => settle(outgoing)));
  });
}

export interface Exchange {
  incoming: IncomingMessage;
  /** As `connect` returned it. */
  outgoing: ClientRequest;
  response: ServerResponse;
  upstream: Upstream;
  idleLimitMs: number;
  /** Whether another replica is available for a resend. */
  canResend: () => boolean;
}

/**
 * Streams the request out and the answer back; when one side breaks, cuts off the other.
 * `unanswered`: the replica fell silent before the first byte of its answer, and the request may go
 * to another one.
 */
export function relay(exchange: Exchange): Promise<'answered' | 'unanswered'> {
  const { incoming, outgoing, response, upstream, idleLimitMs } = exchange;
  return new Promise((resolve) => {
    /** Grows with each chunk of the answer. */
    let received = 0;
    const listener = whenSilent(exchange, () => received, () => settle('unanswered'));
    const unsubscribe = upstream.silence.subscribe(listener);
    const settle = (outcome: 'answered' | 'unanswered') => {
      unsubscribe();
      resolve(outcome);
    };
    // A partial answer must not look complete: after its headers, the pipeline breaks the client's
    // connection.
    const fail = (status: number, title: string, what: string) => {
      if (response.headersSent) return;
      sendProblem(response, status, title, `${upstream.id} ${what}. ${OUTCOME_UNKNOWN}`);
    };
    outgoing.on('error', () => fail(502, 'Bad Gateway', 'broke the connection before it answered'));
    outgoing.setTimeout(idleLimitMs, () => {
      fail(504, 'Gateway Timeout', `has not answered within ${idleLimitMs / 1000} s`);
      outgoing.destroy();
    });
    outgoing.on('response', (answer) => {
      received++;
      answer.on('data', () => received++);
      response.writeHead(answer.statusCode ?? 502, withoutHopByHop(answer.headers));
      // An event stream may be quiet for long: its headers must not wait for the first chunk.
      response.flushHeaders();
      pipeline(answer, response, () => {});
    });
    response.once('close', () => {
      settle('answered');
      outgoing.destroy();
    });
    if (hasBody(incoming)) incoming.pipe(outgoing);
    else outgoing.end();
  });
}

/**
 * What happens to an exchange when its replica falls silent. A request that only reads goes to
 * another replica at the first failed probe. All others wait until the replica is considered gone:
 * then a write gets a 503 that says its outcome is unknown, and a stalled answer, such as an event
 * stream, is cut off, so that its client reconnects to another replica.
 */
function whenSilent(
  { incoming, outgoing, response, upstream, canResend }: Exchange,
  received: () => number,
  resend: () => void,
): SilenceListener {
  const onlyReads = ['GET', 'HEAD'].includes(incoming.method ?? '') && !hasBody(incoming);
  let receivedBefore = 0;
  const drop = () => {
    outgoing.removeAllListeners('error').on('error', () => {});
    outgoing.destroy();
  };
  return {
    suspected() {
      receivedBefore = received();
      if (!onlyReads || receivedBefore > 0 || !canResend()) return;
      drop();
      resend();
    },
    gone() {
      // Data arrived nevertheless: the replica is slow, not gone.
      const hasProgress = received() > receivedBefore;
      receivedBefore = received();
      if (hasProgress) return;
      drop();
      if (response.headersSent) return void response.destroy();
      // Drains the rest of the request: the client may not read the answer before it has sent everything.
      incoming.unpipe(outgoing).resume();
      const detail = onlyReads ? 'Try again in a second.' : OUTCOME_UNKNOWN;
      sendUnavailable(response, `${upstream.id} does not answer. ${detail}`);
    },
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
