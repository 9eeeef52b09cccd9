/** Senders and receivers on this machine. Each receiver listens on a free port of 127.0.0.1, and is closed by `end`. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { type AddressBlock, parseAddressList } from '../../../../src/infra/actions/http/addressList.ts';
import type { Limits } from '../../../../src/infra/actions/http/exchange.ts';
import { RequestFailure } from '../../../../src/infra/actions/http/failure.ts';
import type { OutgoingRequest } from '../../../../src/infra/actions/http/request.ts';
import { httpSender, type Sender, type SenderOptions } from '../../../../src/infra/actions/http/send.ts';
import { systemClock } from '../../../../src/infra/machine/clock.ts';

/** Far longer than any test takes. */
const NEVER_MS = 60_000;

export const LIMITS: Limits = {
  headersMs: NEVER_MS,
  idleMs: NEVER_MS,
  keptBytes: 4096,
  readBytes: 1024 * 1024,
};

const LOOPBACK: AddressBlock[] = parseAddressList('loopback');

/** What a test has opened. */
export class Opened {
  readonly #closing: (() => Promise<unknown>)[] = [];

  /** Loopback is allowed unless the test says otherwise. */
  sender(options: Partial<SenderOptions> = {}): Sender {
    const sender = httpSender({
      targets: { allow: LOOPBACK, deny: [] },
      clock: systemClock(),
      connectMs: NEVER_MS,
      ...options,
    });
    this.#closing.push(() => sender.close());
    return sender;
  }

  async http(listener: RequestListener): Promise<Receiver> {
    return await this.listen(createServer(listener));
  }

  /** A receiver that need not keep to HTTP: `answer` is called when the first bytes of a connection have come. */
  async raw(answer: (socket: Socket) => void): Promise<Receiver> {
    return await this.listen(createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => answer(socket));
    }));
  }

  async listen(server: Server | HttpServer): Promise<Receiver> {
    const sockets = new Set<Socket>();
    let connections = 0;
    server.on('connection', (socket: Socket) => {
      connections++;
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#closing.push(async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.listening ? server.on('close', resolve) : resolve(null));
    });
    const { port } = server.address() as AddressInfo;
    return { port, url: `http://127.0.0.1:${port}/`, connections: () => connections };
  }

  async end(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close();
  }
}

export interface Receiver {
  port: number;
  url: string;
  /** So far. */
  connections(): number;
}

export function get(url: string, rest: Partial<OutgoingRequest> = {}): OutgoingRequest {
  return { method: 'GET', url, headers: {}, body: null, ...rest };
}

/** Never aborted. */
export function unaborted(): AbortSignal {
  return new AbortController().signal;
}

/** For assert.rejects. */
export function failure(kind: RequestFailure['kind'], message: RegExp | string) {
  return (error: unknown) => {
    if (!(error instanceof RequestFailure)) throw error;
    const matches = typeof message === 'string' ? error.message === message : message.test(error.message);
    if (error.kind !== kind || !matches) {
      throw new Error(`Expected ${kind}: ${message}\nbut it is ${error.kind}: ${error.message}`);
    }
    return true;
  };
}
