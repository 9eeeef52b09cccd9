import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import type { Hono } from 'hono';
import type { Clock } from '../../actors/shared/environment.ts';
import { cutStalled } from './stalled.ts';
import { createStrictServer, HEADERS, problem } from './strictServer.ts';

/** Time limits for a client to send its headers, and its whole request (G9). */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Longer than a proxy in front keeps idle connections, so that the server does not close one while a
 * request is in flight.
 */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;

/** How long `close` waits for open requests. */
const CLOSE_LIMIT_MS = 5_000;

export interface ListenOptions {
  host: string;
  /** 0 takes a free port. */
  port: number;
  clock: Clock;
}

export interface HttpServer {
  /** The bound port and IP address. */
  port: number;
  address: string;
  /**
   * Stops listening at once and closes idle connections; resolves when the open requests are
   * complete, or were cut off after 5 s.
   */
  close(): Promise<void>;
}

/** Serves the app. Rejects with a sentence for the user when it can't listen. */
export async function serve(app: Hono, { host, port, clock }: ListenOptions): Promise<HttpServer> {
  const limits = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
  };
  const listener = getRequestListener(app.fetch, {
    // The host for HTTP/1.0 requests without one.
    hostname: 'localhost',
    errorHandler: (error) => adapterFailure(error),
  });
  const server = createStrictServer(limits, listener);
  const connections = trackConnections(server);
  const endWatch = cutStalled(server, clock);
  await listen(server, host, port);
  const { port: boundPort, address } = server.address() as AddressInfo;
  let closed: Promise<void> | null = null;
  return {
    port: boundPort,
    address,
    close: () => closed ??= closeWithin(server, connections, clock).finally(endWatch),
  };
}

/**
 * The response when the adapter can't form a URL (`Host: 1.2.3.4.5`), or when the app's own error
 * handler threw.
 */
function adapterFailure(error: unknown): Response {
  const [status, detail] = error instanceof RequestError
    ? [400, `the path and the Host header do not form a valid URL: ${error.message}`] as const
    : [500, 'internal error'] as const;
  return new Response(problem(status, detail), { status, headers: HEADERS });
}

interface Connections {
  /** Closes the connections without a request, and each of the others after its current one. */
  end(): void;
}

/**
 * Node does not count as idle a connection that never sent anything (browsers open them in advance),
 * or one whose last response ends after `close`: each would delay the shutdown for seconds.
 */
function trackConnections(server: Server): Connections {
  const idle = new Set<Socket>();
  let ending = false;
  server.on('connection', (socket) => {
    idle.add(socket);
    socket.on('close', () => idle.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    response.on('close', () => {
      if (ending) socket.destroySoon();
      else if (!socket.destroyed) idle.add(socket);
    });
  });
  return {
    end() {
      ending = true;
      for (const socket of idle) socket.destroy();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
    server.listen(port, host, resolve);
  });
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const why: Record<string, string> = {
    EADDRINUSE: 'another program uses that port; stop it, or choose another PORT',
    EACCES: 'this user may not use that port; choose a PORT above 1023',
    EADDRNOTAVAIL: 'this machine has no such address; choose another HOST',
    ENOTFOUND: 'the host name does not resolve; choose another HOST',
  };
  return new Error(`cannot listen on ${host}:${port}: ${why[error.code ?? ''] ?? error.message}`, {
    cause: error,
  });
}

function closeWithin(server: Server, connections: Connections, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimeout(() => server.closeAllConnections(), CLOSE_LIMIT_MS);
    server.close(() => {
      clock.clearTimeout(timer);
      resolve();
    });
    connections.end();
  });
}
