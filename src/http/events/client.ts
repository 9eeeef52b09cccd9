import { type Filter, type Message, wants } from './message.ts';

/** What may wait for one client (G9); what it asked to have again comes on top of that. */
const MAX_MESSAGES = 1000;
const MAX_BYTES = 1024 * 1024;

/** How much is handed to the connection at once. */
const CHUNK_BYTES = 64 * 1024;

export interface ClientOptions {
  filter: Filter;
  /** Told once, when nothing more can be sent: it went away, was cut off or ended. */
  onGone: () => void;
  /** Breaks the connection, whatever is still on its way. */
  destroy: (() => void) | undefined;
}

/**
 * One connection to the events. What is pushed waits in a bounded queue until the connection takes it: a stream
 * asks for more only when its socket has room. A client that does not read finds itself cut off when its queue is
 * full, and can come back with the id of the last event that it got.
 */
export class Client {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: ClientOptions;
  #queue: Message[] = [];
  #bytes = 0;
  /** Of these, how many are a replay, which the limits do not count. */
  #replay = { messages: 0, bytes: 0 };
  #over = false;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Wakes the stream that waits for a message. */
  #onMessage: (() => void) | null = null;
  /** Wakes who waits for the queue to be empty. */
  #onEmpty: (() => void) | null = null;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#pull(),
      cancel: () => this.#leave(),
    }, { highWaterMark: 0 });
  }

  get over(): boolean {
    return this.#over;
  }

  /** False when too much waits now: then it is to be cut off. */
  push(message: Message): boolean {
    if (this.#over || !wants(this.#options.filter, message)) return true;
    this.#add(message);
    const messages = this.#queue.length - this.#replay.messages;
    const bytes = this.#bytes - this.#replay.bytes;
    // One message may be of any size.
    return messages <= MAX_MESSAGES && (bytes <= MAX_BYTES || messages === 1);
  }

  /** What it missed. It comes before what is pushed later, and may be more than the limits. */
  replay(messages: readonly Message[]): void {
    if (this.#over) return;
    const wanted = messages.filter((message) => wants(this.#options.filter, message));
    for (const message of wanted) this.#add(message);
    this.#replay = { messages: this.#queue.length, bytes: this.#bytes };
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Whether less waits than three quarters of what may. */
  get hasRoom(): boolean {
    return this.#queue.length < MAX_MESSAGES * 3 / 4 && this.#bytes < MAX_BYTES * 3 / 4;
  }

  /** Resolves when everything has been taken by the connection, or the client is gone. */
  async emptied(): Promise<void> {
    if (this.#over || this.#queue.length === 0) return;
    await new Promise<void>((resolve) => (this.#onEmpty = resolve));
  }

  /** Ends the stream, after what waits if it is being read. */
  end(): void {
    if (this.#over) return;
    const chunk = this.#take();
    if (chunk) this.#controller.enqueue(chunk);
    this.#controller.close();
    this.#leave();
  }

  /** Breaks the connection, with what waits. */
  cut(): void {
    if (this.#over) return;
    const { destroy } = this.#options;
    if (destroy) destroy();
    else this.#controller.error(new Error('the client does not read what it is sent'));
    this.#leave();
  }

  #leave(): void {
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

  /** As much of the queue as goes at once; at least one message, null when there is none. */
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
