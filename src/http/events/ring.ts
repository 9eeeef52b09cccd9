import type { Message } from './message.ts';

const MAX_MESSAGES = 4096;
const MAX_BYTES = 4 * 1024 * 1024;

/** The last events, for those who come back (G9). It holds all that came after `start`, through `end`. */
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

  /** Nothing happened up to here. */
  moveTo(position: string): void {
    this.#end = position;
  }

  push(message: Message): void {
    this.#messages.push(message);
    this.#bytes += message.bytes.length;
    this.#end = message.id as string;
    if (this.#messages.length > MAX_MESSAGES || this.#bytes > MAX_BYTES) this.#trim();
  }

  /** Whether the position was given out for one of these messages, or for their end. */
  has(position: string): boolean {
    return position === this.#end || position === this.#start ||
      this.#messages.some(({ id }) => id === position);
  }

  after(position: string): Message[] {
    return this.#messages.filter(({ id }) => (id as string) > position);
  }

  /** By a quarter at once, since each time moves all that stay. */
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
