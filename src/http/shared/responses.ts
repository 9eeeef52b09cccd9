/**
 * JSON responses, with limits for large ones. A list's reads and response are bounded in bytes, few
 * lists are built at a time, and few large responses wait for clients: otherwise thirty clients that
 * read nothing would fill the memory of a leader, and a single list could block its event loop for
 * seconds (G9).
 */
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Clock } from '../../actors/shared/environment.ts';
import { Problem } from './problem.ts';
import { Semaphore } from './semaphore.ts';

/** Fits into the buffers of a connection, so need not be counted. */
const LARGE_BYTES = 64 * 1024;
/** Large responses in flight: some 32 MiB. */
const MAX_LARGE = 32;
/** Lists being built, the requests that may wait to build one, and for how long. */
const MAX_LISTS = 4;
const MAX_WAITING = 100;
const MAX_WAIT_MS = 1_000;

/** The bindings that the server's Node adapter passes with a request. */
type Bindings = { outgoing?: { once(event: 'close', listener: () => void): void } } | undefined;

export class Responses {
  readonly #lists: Semaphore;
  #large = 0;

  constructor(clock: Clock) {
    this.#lists = new Semaphore(MAX_LISTS, {
      clock,
      maxWaiting: MAX_WAITING,
      maxWaitMs: MAX_WAIT_MS,
      busy,
    });
  }

  /** Builds a list, a few at a time. A 503 when too many requests wait, or when this one has to wait too long. */
  async buildList<T>(build: () => Promise<T>): Promise<T> {
    if (this.#large >= MAX_LARGE) throw busy();
    return await this.#lists.run(build);
  }

  /** Sends JSON. A large response is refused with a 503 while too many others are in flight. */
  send(c: Context, bytes: Uint8Array<ArrayBuffer>): Response {
    if (bytes.length > LARGE_BYTES && c.req.method !== 'HEAD' && this.#large >= MAX_LARGE) throw busy();
    return this.sendCommitted(c, bytes, 200);
  }

  /** Sends the response to a committed change, which must not be refused. */
  sendCommitted(c: Context, bytes: Uint8Array<ArrayBuffer>, status: ContentfulStatusCode): Response {
    c.header('Content-Type', 'application/json');
    if (c.req.method === 'HEAD') return c.body(null, status);
    if (bytes.length <= LARGE_BYTES) return c.body(bytes, status);
    c.header('Content-Length', String(bytes.length));
    return c.body(this.#inChunks(c, bytes), status);
  }

  /** Chunk by chunk, as the client takes them: stalled.ts observes the progress. */
  #inChunks(c: Context, bytes: Uint8Array): ReadableStream<Uint8Array> {
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
  return new Problem(503, 'too many large responses are in progress; try again', {
    headers: { 'Retry-After': '2' },
  });
}

const encoder = new TextEncoder();

export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(value));
}
