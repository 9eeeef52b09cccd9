/**
 * undici's clients, each with one connection. A call has a client for itself, and leaves it to the next call to the
 * same origin.
 *
 * Not undici's own Agent. It can't end a connection attempt (nodejs/undici#386), and opens a connection in vain
 * after each aborted request (nodejs/undici#5845), which nothing closes. A destroyed client does neither.
 */
import type { Client } from 'undici';

export interface LeasedClient {
  readonly client: Client;
  readonly origin: string;
  /** Ends a connection attempt. */
  readonly closing: AbortController;
}

/** Of all origins. More are closed instead of kept. */
const MOST_IDLE = 100;

export class Clients {
  readonly #open: (origin: string, closing: AbortSignal) => Client;
  readonly #all = new Set<LeasedClient>();
  readonly #idle = new Set<LeasedClient>();

  constructor(open: (origin: string, closing: AbortSignal) => Client) {
    this.#open = open;
  }

  /** The client that was used last, since its connection is the least likely to be closed; or else a new one. */
  take(origin: string): LeasedClient {
    const idle = [...this.#idle].findLast((leased) => leased.origin === origin);
    if (idle !== undefined) {
      this.#idle.delete(idle);
      return idle;
    }
    const closing = new AbortController();
    const leased = { client: this.#open(origin, closing.signal), origin, closing };
    this.#all.add(leased);
    leased.client.on('disconnect', () => {
      if (this.#idle.has(leased)) void this.discard(leased);
    });
    return leased;
  }

  /** After a complete response. */
  giveBack(leased: LeasedClient): void {
    const isUsable = this.#all.has(leased) && leased.client.stats.connected && this.#idle.size < MOST_IDLE;
    if (isUsable) this.#idle.add(leased);
    else void this.discard(leased);
  }

  /** Ends its connection, or its attempt to open one. */
  async discard(leased: LeasedClient): Promise<void> {
    this.#all.delete(leased);
    this.#idle.delete(leased);
    const destroyed = leased.client.destroy();
    leased.closing.abort(new Error('The client was destroyed.'));
    await destroyed;
  }

  /** Requests that are under way fail. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((leased) => this.discard(leased)));
  }
}
