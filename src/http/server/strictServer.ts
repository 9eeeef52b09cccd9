/**
 * An HTTP server that answers with a problem (RFC 9457) also requests refused by Node's parser, or by
 * the checks before any routing: Node itself answers those with only a status, or closes the
 * connection.
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
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come to its end in time; send it again'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'the extensions of the chunks of the body are too large'],
  HPE_HEADER_OVERFLOW: [431, 'the URL and the headers are larger than 16 KiB together'],
};

/** `listener` gets well-formed HTTP with one host, and a decodable path and query. */
export function createStrictServer(options: ServerOptions, listener: RequestListener): Server {
  const server = createServer({ ...options, requireHostHeader: false }, (incoming, outgoing) => {
    const fault = requestFault(incoming);
    if (fault === null) listener(incoming, outgoing);
    else answer(outgoing, 400, fault);
  });
  const answering = trackAnswers(server);
  server.on('clientError', (error: NodeJS.ErrnoException & { reason?: string }, socket: Socket) => {
    const pending = answering.get(socket);
    // After the beginning of an answer, the client would take this for its rest.
    if (!socket.writable || pending?.outgoing.headersSent) return void socket.destroy();
    // The fault follows a complete request, which gets its own answer first.
    if (pending?.incoming.complete) return void pending.outgoing.once('close', () => socket.destroySoon());
    const [status, detail] = STATUS_OF[error.code ?? ''] ?? [400, notHttp(error.reason)];
    end(socket, status, detail);
  });
  server.on('checkExpectation', (incoming, outgoing) => {
    const expected = JSON.stringify(String(incoming.headers.expect).slice(0, 40));
    answer(outgoing, 417, `Expect: ${expected} is not understood; send 100-continue or nothing`);
  });
  server.on('connect', (_incoming, socket: Socket) => {
    socket.on('error', () => socket.destroy());
    end(socket, 405, 'this is no proxy: it has no CONNECT');
  });
  return server;
}

interface Exchange {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
}

/** The last request of each connection whose answer is not complete yet. */
function trackAnswers(server: Server): WeakMap<Socket, Exchange> {
  const answering = new WeakMap<Socket, Exchange>();
  server.on('request', (incoming, outgoing) => {
    const { socket } = incoming;
    answering.set(socket, { incoming, outgoing });
    outgoing.on('close', () => {
      if (answering.get(socket)?.outgoing === outgoing) answering.delete(socket);
    });
  });
  return answering;
}

function notHttp(reason: string | undefined): string {
  return `the request is not well-formed HTTP/1.1${reason ? `: ${reason}` : ''}`;
}

export function problem(status: number, detail: string): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail });
}

function answer(outgoing: ServerResponse, status: number, detail: string): void {
  const body = problem(status, detail);
  outgoing.writeHead(status, { ...HEADERS, 'Content-Length': Buffer.byteLength(body) });
  outgoing.end(body);
}

/** Writes to the connection itself, where there is no answer to write to. */
function end(socket: Socket, status: number, detail: string): void {
  const body = problem(status, detail);
  const headers = { ...HEADERS, 'Content-Length': Buffer.byteLength(body) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n${body}`);
  socket.destroySoon();
}
