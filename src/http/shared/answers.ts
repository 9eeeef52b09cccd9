/**
 * Limits for large answers. A list's reads and answer are bounded in bytes, few lists are built at a
 * time, and few large answers wait for clients: otherwise thirty clients that read nothing would fill
 * the memory of a leader, and a single list could block its event loop for seconds (G9).
 */
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Clock } from '../../actors/shared/environment.ts';
import { Problem } from './problem.ts';

/** Fits into the buffers of a connection, so need not be counted. */
const LARGE_BYTES = 64 * 1024;
/** Concurrent large answers: some 32 MiB. */
const MAX_LARGE = 32;
/** Concurrent lists, the requests that may wait for a turn, and how long they wait. */
const MAX_AT_A_TIME = 4;
const MAX_WAITING = 100;
const MAX_WAIT_MS = 1_000;

/** The bindings that the server's Node adapter passes with a request. */
type Bindings = { outgoing?: { once(event: 'close', listener: () => void): void } } | undefined;

export class Answers {
  readonly #clock: Clock;
  /** Starts the waiting lists, in their order. */
  readonly #waiting = new Set<() => void>();
  #free = MAX_AT_A_TIME;
  #large = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Builds a list when its turn comes; a 503 when too many wait, or when a slow store delays the turn
   * past the limit.
   */
  async inTurn<T>(make: () => Promise<T>): Promise<T> {
    if (this.#large >= MAX_LARGE) throw busy();
    if (this.#free > 0) this.#free--;
    else await this.#turn();
    try {
      return await make();
    } finally {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free++;
    }
  }

  async #turn(): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) throw busy();
    await new Promise<void>((resolve, reject) => {
      const begin = () => {
        this.#clock.clearTimeout(timer);
        this.#waiting.delete(begin);
        resolve();
      };
      const giveUp = () => {
        this.#waiting.delete(begin);
        reject(busy());
      };
      const timer = this.#clock.setTimeout(giveUp, MAX_WAIT_MS);
      this.#waiting.add(begin);
    });
  }

  /** Sends JSON. A large answer is refused with a 503 while too many others are in flight. */
  send(c: Context, bytes: Uint8Array<ArrayBuffer>): Response {
    if (bytes.length > LARGE_BYTES && c.req.method !== 'HEAD' && this.#large >= MAX_LARGE) throw busy();
    return this.sendAnyway(c, bytes, 200);
  }

  /** The same for an answer that must not be refused: that of a committed change. */
  sendAnyway(c: Context, bytes: Uint8Array<ArrayBuffer>, status: ContentfulStatusCode): Response {
    c.header('Content-Type', 'application/json');
    if (c.req.method === 'HEAD') return c.body(null, status);
    if (bytes.length <= LARGE_BYTES) return c.body(bytes, status);
    c.header('Content-Length', String(bytes.length));
    return c.body(this.#inPieces(c, bytes), status);
  }

  /** Chunk by chunk, as the client takes them, so that progress can be seen. */
  #inPieces(c: Context, bytes: Uint8Array): ReadableStream<Uint8Array> {
    this.#large++;
    let isOpen = true;
    const end = () => {
      if (isOpen) this.#large--;
      isOpen = false;
    };
    (c.env as Bindings)?.outgoing?.once('close', end);
    let sent = 0;
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(bytes.subarray(sent, sent + LARGE_BYTES));
        sent += LARGE_BYTES;
        if (sent < bytes.length) return;
        controller.close();
        end();
      },
      cancel: end,
    }, { highWaterMark: 0 });
  }
}

function busy(): Problem {
  return new Problem(503, 'too many large answers are being made or sent at the moment; try again', {
    headers: { 'Retry-After': '2' },
  });
}

const encoder = new TextEncoder();

export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}
