/**
 * A TCP proxy on 127.0.0.1 that simulates network faults: refused connections, silence, lost answers, latency.
 * Data held during silence arrive late and in order once it ends, like retransmitted packets: also those of a
 * client that has given up meanwhile.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * - `open`: everything passes.
 * - `cut`: open connections are broken, and new ones refused.
 * - `silent`: nothing passes, and neither side gets an error.
 * - `one-way`: requests arrive, answers don't.
 */
export type ProxyMode = 'open' | 'cut' | 'silent' | 'one-way';

/** Creates, for each connection, the function that its answers pass through. */
export type Rewrite = () => (chunk: Buffer) => Buffer;

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #mode: ProxyMode = 'open';
  #delayMs = 0;
  #waiting: (() => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /**
   * Listens on a free port, and forwards to `targetPort` on 127.0.0.1. A function is called for each connection:
   * a load balancer.
   */
  static async open(
    targetPort: number | (() => number),
    rewrite: Rewrite = () => (chunk) => chunk,
  ): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, (server.address() as { port: number }).port);
    server.on(
      'connection',
      (client) => proxy.#accept(client, typeof targetPort === 'number' ? targetPort : targetPort(), rewrite),
    );
    return proxy;
  }

  /** `delayMs`: latency in each direction. */
  set(mode: ProxyMode, delayMs = 0): void {
    this.#mode = mode;
    this.#delayMs = delayMs;
    if (mode === 'cut') { for (const socket of this.#sockets) socket.destroy(); }
    for (const resume of this.#waiting.splice(0)) resume();
  }

  async close(): Promise<void> {
    this.set('cut');
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket, targetPort: number, rewrite: Rewrite): void {
    if (this.#mode === 'cut') {
      client.destroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      // A `close` follows, which is handled.
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    this.#forward(client, server, (chunk) => chunk, ['open', 'one-way']);
    this.#forward(server, client, rewrite(), ['open']);
  }

  /** Data and closes alike wait for their turn, and for a mode that lets them pass. */
  #forward(from: Socket, to: Socket, map: (chunk: Buffer) => Buffer, passesIn: readonly ProxyMode[]): void {
    let last = Promise.resolve();
    const inTurn = (step: () => void) => last = last.then(() => this.#passable(passesIn)).then(step);
    from.on('data', (chunk: Buffer) => {
      from.pause();
      inTurn(() => {
        to.write(map(chunk));
        from.resume();
      });
    });
    from.on('end', () => inTurn(() => to.end()));
    from.on('close', () => inTurn(() => to.destroySoon()));
  }

  async #passable(modes: readonly ProxyMode[]): Promise<void> {
    while (!modes.includes(this.#mode) && this.#mode !== 'cut') {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#delayMs > 0) await delay(this.#delayMs);
  }
}
