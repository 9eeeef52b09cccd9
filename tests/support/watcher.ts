import { setTimeout as delay } from 'node:timers/promises';
import { readEvents, type SentEvent } from './sse.ts';

/** A client that comes back with the id of the last event, as a browser's EventSource does. */
export class Watcher {
  readonly events: SentEvent[] = [];
  /** Which replicas it was connected to, in order. */
  readonly hellos: SentEvent[] = [];
  #lastId: string | null = null;
  #waiting: (() => void)[] = [];
  #connection = new AbortController();
  #over = false;

  constructor(url: string) {
    void this.#run(url);
  }

  async until<T>(what: (events: readonly SentEvent[]) => T | undefined | false): Promise<T> {
    for (;;) {
      const found = what(this.events);
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async connected(times: number): Promise<string> {
    return (await this.until(() => this.hellos[times - 1])).data.replica;
  }

  /** Breaks the connection, which makes it connect again. */
  reconnect(): void {
    this.#connection.abort();
  }

  end(): void {
    this.#over = true;
    this.#connection.abort();
  }

  async #run(url: string): Promise<void> {
    while (!this.#over) {
      this.#connection = new AbortController();
      await this.#read(url).catch(() => {});
      if (!this.#over) await delay(20);
    }
  }

  async #read(url: string): Promise<void> {
    const headers: Record<string, string> = this.#lastId === null ? {} : { 'last-event-id': this.#lastId };
    const response = await fetch(url, { headers, signal: this.#connection.signal });
    const stream = readEvents(response.body as ReadableStream<Uint8Array>);
    for (;;) {
      const event = await stream.next();
      this.#lastId = event.id ?? this.#lastId;
      if (event.event === 'hello') this.hellos.push(event);
      else if (event.event !== 'heartbeat') this.events.push(event);
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }
}
