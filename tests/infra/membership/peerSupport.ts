/** Both ends of liveness connections, in the hands of a test. */
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../src/actors/shared/environment.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { spawnGuarded } from '../../../src/local/guarded.ts';
import { runtimeCommand } from '../../../src/local/runtime.ts';

/** Things that come one by one, and can be awaited. */
export class Arrivals<T> {
  readonly #waiting: T[] = [];
  #wake = () => {};

  add(item: T): void {
    this.#waiting.push(item);
    this.#wake();
  }

  async next(): Promise<T> {
    while (this.#waiting.length === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.#waiting.shift() as T;
  }

  get left(): number {
    return this.#waiting.length;
  }
}

/** A replica that knows no others: all are strangers to it. */
export const KNOWS_NONE = { get: () => undefined, look: () => {} };

/** Shorter than what is not a retry: limits of answers, and surveys, which take their own time. */
const RETRIES_BELOW_MS = 1_000;

/** A clock whose timers go off when the test says so; longer ones, which are no retries, with `later`. */
export function retryClock() {
  const retries = new Arrivals<{ fn: () => void; delayMs: number }>();
  const running = new Set<() => void>();
  const longer = new Map<() => void, number>();
  let wake = () => {};
  let nowMs = 0;
  const clock: Clock = {
    ...systemClock(),
    monotonic: () => nowMs,
    setTimeout: (fn, delayMs) => {
      if (delayMs >= RETRIES_BELOW_MS) {
        longer.set(fn, delayMs);
        wake();
        return fn;
      }
      running.add(fn);
      retries.add({ fn, delayMs });
      return fn;
    },
    clearTimeout(handle) {
      running.delete(handle as () => void);
      longer.delete(handle as () => void);
    },
  };
  return {
    clock,
    advance: (ms: number) => void (nowMs += ms),
    /** Lets a longer timer of so many milliseconds go off, once one is set. */
    async later(delayMs: number) {
      for (;;) {
        const [fn] = [...longer].find(([, each]) => each === delayMs) ?? [];
        if (fn !== undefined) return void (longer.delete(fn) && fn());
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    /** Resolves when another try has been put off, for so long; `go` makes it. */
    async putOff(): Promise<{ delayMs: number; go(): void }> {
      const { fn, delayMs } = await retries.next();
      return { delayMs, go: () => void (running.delete(fn) && fn()) };
    },
    get running() {
      return running.size + longer.size;
    },
    /** How many were put off, and nobody has asked for. */
    get left() {
      return retries.left;
    },
  };
}

/** A peer within the test's own process, which answers, breaks and falls silent as the test says. */
export async function fakePeer(boot: string, port = 0) {
  const sockets = new Set<Socket>();
  const asked = new Arrivals<ServerResponse>();
  const state = {
    boot,
    silent: false,
    /** For how long the process says that it has been there; null for none that says who it is. */
    upMs: null as number | null,
    /** Boots that answer in its stead, one request each, as behind a load balancer; then it is `boot` again. */
    others: [] as string[],
    /** Requests that only asked who is there. */
    polls: 0,
  };
  const server = createServer((request, response) => {
    const boot = state.others.shift() ?? state.boot;
    if (state.upMs !== null) {
      response.setHeader('Hascheduler-Boot', boot).setHeader('Hascheduler-Up-Ms', state.upMs);
    }
    if (request.method === 'HEAD') {
      state.polls++;
      return void response.end();
    }
    if (!state.silent) response.write(`${boot}\n`);
    asked.add(response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const reset = () => sockets.forEach((socket) => socket.resetAndDestroy());
  return {
    address,
    state,
    asked,
    /** Breaks all connections, as a network does. */
    reset,
    /** Like a process that is killed: closes the port and all connections. */
    async die() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      reset();
      await closed;
    },
  };
}

/** A peer as a process of its own. */
export async function peerProcess(boot: string) {
  const script = fileURLToPath(new URL('./livenessServer.ts', import.meta.url));
  const child = await spawnGuarded(runtimeCommand(script, [boot]), { clock: systemClock() });
  child.stderr.resume();
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: port } = await lines.next();
  return {
    ...child,
    address: `http://127.0.0.1:${port}`,
    asked: async () => void await lines.next(),
  };
}

/**
 * Resolves when whatever was said to this process on another connection before has been read by it: the
 * answers of two requests that were made later have come.
 */
export async function heard(address: string): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const request = get(`${address}/liveness`, { agent: false });
    request.on('error', () => {});
    const [response] = await once(request, 'response');
    response.on('error', () => {});
    await once(response, 'data');
    request.destroy();
  }
}
