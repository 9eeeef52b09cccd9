import type { Message } from './message.ts';

const MAX_MESSAGES = 4096;
const MAX_BYTES = 4 * 1024 * 1024;

/** The most recent events, for clients that reconnect (G9): all after `start`, through `end`. */
export class Ring {
  #messages: Message[] = [];
  #bytes = 0;
  #start: string;
  #end: string;

  constructor(start: string) {
    this.#start = start;
    this.#end = start;
  }

  get start(): string {
    return this.#start;
  }

  get end(): string {
    return this.#end;
  }

  /** There is no event up to this position. */
  moveTo(position: string): void {
    this.#end = position;
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.#bytes += message.bytes.length;
    this.#end = message.id as string;
    if (this.#messages.length > MAX_MESSAGES || this.#bytes > MAX_BYTES) this.#trim();
  }

  /** Whether the position is that of one of these messages, of the start or of the end. */
  has(position: string): boolean {
    return position === this.#end || position === this.#start ||
      this.#messages.some(({ id }) => id === position);
  }

  after(position: string): Message[] {
    return this.#messages.filter(({ id }) => (id as string) > position);
  }

  /** Drops a quarter at once, since each trim moves all remaining messages. */
  #trim(): void {
    let count = 0;
    while (
      this.#messages.length - count > MAX_MESSAGES * 3 / 4 || this.#bytes > MAX_BYTES * 3 / 4
    ) {
      const oldest = this.#messages[count++] as Message;
      this.#bytes -= oldest.bytes.length;
      this.#start = oldest.id as string;
    }
    this.#messages = this.#messages.slice(count);
  }
}
