/**
 * An HTTP server that responds with a problem (RFC 9457) also to requests that Node's parser refuses,
 * or the checks before any routing: Node itself would send only a status, or close the connection.
 */
import { createServer, type RequestListener, type Server, type ServerOptions, STATUS_CODES } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { requestFault } from './requestFault.ts';

/** Headers of every problem from here; they close the connection. */
export const HEADERS = {
  'Content-Type': 'application/problem+json',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  Connection: 'close',
};

/** Parser errors with a status of their own; all others are 400. */
const STATUS_OF: Record<string, [status: number, detail: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request was not complete in time; send it again'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the extensions of the chunks of the body are too large'],
  HPE_HEADER_OVERFLOW: [431, 'the URL and the headers are larger than 16 KiB together'],
};

/** `listener` gets well-formed HTTP with one host, and a decodable path and query. */
export function createStrictServer(options: ServerOptions, listener: RequestListener): Server {
  const server = createServer({ ...options, requireHostHeader: false }, (incoming, outgoing) => {
    const fault = requestFault(incoming);
    if (fault === null) listener(incoming, outgoing);
    else respond(outgoing, 400, fault);
  });
  const exchanges = trackExchanges(server);
  server.on('clientError', (error: NodeJS.ErrnoException & { reason?: string }, socket: Socket) => {
    const pending = exchanges.get(socket);
    // Within a response that has begun, the client would take this for the rest of it.
    if (!socket.writable || pending?.outgoing.headersSent) return void socket.destroy();
    // The fault follows a complete request, which gets its own response first.
    if (pending?.incoming.complete) return void pending.outgoing.once('close', () => socket.destroySoon());
    const [status, detail] = STATUS_OF[error.code ?? ''] ?? [400, notHttp(error.reason)];
    respondRaw(socket, status, detail);
  });
  server.on('checkExpectation', (incoming, outgoing) => {
    const expected = JSON.stringify(String(incoming.headers.expect).slice(0, 40));
    respond(outgoing, 417, `Expect: ${expected} is not supported; send 100-continue, or omit the header`);
  });
  server.on('connect', (_incoming, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    respondRaw(socket, 405, 'CONNECT is not supported: this is not a proxy');
  });
  return server;
}

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

/** The last request of each connection whose response is not complete yet. */
function trackExchanges(server: Server): WeakMap<Socket, Exchange> {
  const exchanges = new WeakMap<Socket, Exchange>();
  server.on('request', (incoming, outgoing) => {
    const { socket } = incoming;
    exchanges.set(socket, { incoming, outgoing });
    outgoing.on('close', () => {
      if (exchanges.get(socket)?.outgoing === outgoing) exchanges.delete(socket);
    });
  });
  return exchanges;
}

function notHttp(reason: string | undefined): string {
  return `the request is not well-formed HTTP/1.1${reason ? `: ${reason}` : ''}`;
}

export function problem(status: number, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail });
}

function respond(outgoing: ServerResponse, status: number, detail: string): void {
  const body = problem(status, detail);
  outgoing.writeHead(status, { ...HEADERS, 'Content-Length': Buffer.byteLength(body) });
  outgoing.end(body);
}

/** Writes to the connection itself, where there is no response object. */
function respondRaw(socket: Socket, status: number, detail: string): void {
  const body = problem(status, detail);
  const headers = { ...HEADERS, 'Content-Length': Buffer.byteLength(body) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n${body}`);
  socket.destroySoon();
}
