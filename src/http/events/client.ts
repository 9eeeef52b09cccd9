import { type Filter, type Message, wants } from './message.ts';

/** Limits of one client's queue (G9); a replay on reconnection is not counted. */
const MAX_MESSAGES = 1000;
const MAX_BYTES = 1024 * 1024;

/** Bytes handed to the connection at once. */
const CHUNK_BYTES = 64 * 1024;

export interface ClientOptions {
  filter: Filter;
  /** Called once, when nothing more can be sent: the client disconnected, was cut off or was ended. */
  onGone: () => void;
  /** Breaks the connection, including data still in flight. */
  destroy: (() => void) | undefined;
}

/**
 * One connection to the events. Messages wait in a bounded queue until the connection takes them: a
 * stream pulls only while its socket has room. A client that does not read is cut off when its queue
 * is full, and can resume after the id of the last event that it received.
 */
export class Client {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: ClientOptions;
  #queue: Message[] = [];
  #bytes = 0;
  /** The replayed messages in the queue, which do not count towards the limits. */
  #replay = { messages: 0, bytes: 0 };
  #over = false;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Wakes the stream that waits for a message. */
  #onMessage: (() => void) | null = null;
  /** Wakes the caller that waits for an empty queue. */
  #onEmpty: (() => void) | null = null;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.#close(),
    }, { highWaterMark: 0 });
  }

  get over(): boolean {
    return this.#over;
  }

  /** False when the queue exceeds its limits: the caller then cuts the client off. */
  push(message: Message): boolean {
    if (this.#over || !wants(this.#options.filter, message)) return true;
    this.#add(message);
    const messages = this.#queue.length - this.#replay.messages;
    const bytes = this.#bytes - this.#replay.bytes;
    // A single message may be of any size.
    return messages <= MAX_MESSAGES && (bytes <= MAX_BYTES || messages === 1);
  }

  /** Queues missed messages. They precede later pushes, and may exceed the limits. */
  replay(messages: readonly Message[]): void {
    if (this.#over) return;
    const wanted = messages.filter((message) => wants(this.#options.filter, message));
    for (const message of wanted) this.#add(message);
    this.#replay = { messages: this.#queue.length, bytes: this.#bytes };
  }

  /** Number of queued messages. */
  get waiting(): number {
    return this.#queue.length;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Whether the queue is below three quarters of its limits. */
  get hasRoom(): boolean {
    return this.#queue.length < MAX_MESSAGES * 3 / 4 && this.#bytes < MAX_BYTES * 3 / 4;
  }

  /** Resolves when the connection has taken everything, or the client is gone. */
  async emptied(): Promise<void> {
    if (this.#over || this.#queue.length === 0) return;
    await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  /** Ends the stream, after the queued messages if the client is reading. */
  end(): void {
    if (this.#over) return;
    const chunk = this.#take();
    if (chunk) this.#controller.enqueue(chunk);
    this.#controller.close();
    this.#close();
  }

  /** Breaks the connection and drops the queue. */
  cutOff(): void {
    if (this.#over) return;
    const { destroy } = this.#options;
    if (destroy) destroy();
    else this.#controller.error(new Error('the client does not read'));
    this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#queue = [];
    this.#onMessage?.();
    this.#onEmpty?.();
    this.#options.onGone();
  }

  #add(message: Message): void {
    this.#queue.push(message);
    this.#bytes += message.bytes.length;
    this.#onMessage?.();
  }

  async #pull(): Promise<void> {
    if (this.#queue.length === 0) await new Promise<void>((resolve) => (this.#onMessage = resolve));
    this.#onMessage = null;
    const chunk = this.#take();
    if (chunk) this.#controller.enqueue(chunk);
    if (this.#queue.length === 0) this.#onEmpty?.();
  }

  /** As much of the queue as fits into one chunk, at least one message; null when the queue is empty. */
  #take(): Uint8Array | null {
    let count = 0;
    let bytes = 0;
    for (const message of this.#queue) {
      if (count > 0 && bytes + message.bytes.length > CHUNK_BYTES) break;
      count++;
      bytes += message.bytes.length;
    }
    if (count === 0) return null;
    const chunk = new Uint8Array(bytes);
    let offset = 0;
    for (const message of this.#queue.splice(0, count)) {
      chunk.set(message.bytes, offset);
      offset += message.bytes.length;
    }
    this.#bytes -= bytes;
    this.#replay = {
      messages: Math.max(0, this.#replay.messages - count),
      bytes: Math.max(0, this.#replay.bytes - bytes),
    };
    return chunk;
  }
}
