/**
 * A TCP proxy on 127.0.0.1 that can do what networks do: refuse, fall silent, lose the way back, be slow.
 * What is held while it is silent arrives once it is healed, late and in order, as packets that are sent
 * again do: also what a client sent that has long given up and gone away.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * - `open`: everything passes.
 * - `cut`: connections are broken, and new ones too.
 * - `silent`: nothing passes, and nobody is told.
 * - `one-way`: requests arrive, answers don't.
 */
export type Passage = 'open' | 'cut' | 'silent' | 'one-way';

/** Makes, for each connection, what its answers go through. */
export type Rewrite = () => (chunk: Buffer) => Buffer;

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #passage: Passage = 'open';
  #delayMs = 0;
  #waiting: (() => void)[] = [];

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /**
   * Listens on a free port, and passes on to `targetPort` on 127.0.0.1; or to what it says for each connection, as a
   * load balancer does.
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

  /** `delayMs`: how long each piece of data is under way, in each direction. */
  set(passage: Passage, delayMs = 0): void {
    this.#passage = passage;
    this.#delayMs = delayMs;
    if (passage === 'cut') { for (const socket of this.#sockets) socket.destroy(); }
    for (const look of this.#waiting.splice(0)) look();
  }

  async close(): Promise<void> {
    this.set('cut');
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket, targetPort: number, rewrite: Rewrite): void {
    if (this.#passage === 'cut') {
      client.destroy();
      return;
    }
    const server = connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      // A `close` follows, which is what counts.
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    this.#forward(client, server, (chunk) => chunk, ['open', 'one-way']);
    this.#forward(server, client, rewrite(), ['open']);
  }

  /** Data, ends and breaks alike wait for their turn, and for the way to be free. */
  #forward(from: Socket, to: Socket, map: (chunk: Buffer) => Buffer, free: readonly Passage[]): void {
    let last = Promise.resolve();
    const inTurn = (step: () => void) => last = last.then(() => this.#passing(free)).then(step);
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

  async #passing(free: readonly Passage[]): Promise<void> {
    while (!free.includes(this.#passage) && this.#passage !== 'cut') {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#delayMs > 0) await delay(this.#delayMs);
  }
}
