/**
 * The events of the cluster for all clients of this replica. Reads one stream from the store for all
 * of them, while there is any, and encodes each event once. A ring keeps the last few thousand: a
 * client with an id among them resumes from there. A client with another id catches up on its own
 * stream (catchUp.ts) until that reaches the ring.
 */
import type { EventFeed } from '../../actors/events/eventFeed.ts';
import type { ApiDeps } from '../shared/api.ts';
import { catchUp, type CatchUpParts } from './catchUp.ts';
import { Client } from './client.ts';
import { comment, type Filter, type Message, messageOf, plainMessage, reconnection } from './message.ts';
import { Ring } from './ring.ts';
import { Semaphore } from './semaphore.ts';
import { Upstream } from './upstream.ts';

export const MAX_CLIENTS = 200;
const HEARTBEAT_MS = 5000;
/** How long the stream stays open after the last client: a page reload reconnects in this time. */
const LINGER_MS = 30_000;
/**
 * A stream answers at least every half second. After this silence clients may have stale data, so
 * heartbeats stop.
 */
const SILENT_MS = 3000;
/** Concurrent streams for clients that catch up. */
const MAX_CATCHING_UP = 8;

export interface HubDeps extends Pick<ApiDeps, 'clock' | 'logger' | 'serverNowMs' | 'replica'> {
  events: EventFeed;
}

/** A client that gets all new events; while `from` is set, only those after that position. */
interface Member {
  from: string | null;
  /** Number of heartbeats for which `from` has been ahead of all events. */
  beatsAhead: number;
}

export class EventHub {
  readonly #deps: HubDeps;
  readonly #clients = new Set<Client>();
  readonly #members = new Map<Client, Member>();
  readonly #turns = new Semaphore(MAX_CATCHING_UP);
  #upstream: Upstream | null = null;
  #ring: Ring | null = null;
  #onRing: (() => void)[] = [];
  #heartbeat: unknown;
  #linger: unknown;
  #closed = false;
  #cutOffs = 0;

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  /** Number of clients, and of clients cut off because they did not read. */
  get counts(): { clients: number; cutOff: number } {
    return { clients: this.#clients.size, cutOff: this.#cutOffs };
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Adds a client whose events follow after the position; null means from now on. `reconnectMs` is
   * sent to the client. `destroy` breaks its connection.
   */
  join(filter: Filter, after: string | null, reconnectMs: number, destroy?: () => void): Client {
    const client: Client = new Client({ filter, destroy, onGone: () => this.#gone(client) });
    this.#clients.add(client);
    client.push(reconnection(reconnectMs));
    this.#open();
    this.#welcome(client, after).catch((error: Error) => {
      this.#deps.logger.error('a client of the events could not be served', { error });
      client.end();
    });
    return client;
  }

  /** Ends all streams, and refuses new clients. */
  close(): void {
    this.#closed = true;
    for (const client of [...this.#clients]) client.end();
    this.#shut();
  }

  async #welcome(client: Client, after: string | null): Promise<void> {
    if (this.#ring === null) await new Promise<void>((resolve) => this.#onRing.push(resolve));
    const ring = this.#ring;
    if (client.over || ring === null) return;
    if (after === null) this.#begin(client, ring.end);
    else if (ring.has(after)) this.#begin(client, after);
    else await catchUp(this.#catchUpParts(client, after));
  }

  #catchUpParts(client: Client, after: string): CatchUpParts {
    const { events, clock, serverNowMs } = this.#deps;
    let greeted = false;
    const greet = (position: string) => {
      if (!greeted) client.push(this.#hello(position));
      greeted = true;
    };
    return {
      client,
      after,
      events,
      clock,
      turns: this.#turns,
      message: (position, event) => messageOf(position, event, serverNowMs()),
      keptFrom: () => this.#ring?.start ?? null,
      greet: () => greet(after),
      meet: (position) => this.#admit(client, position),
      giveUp: (reason) => {
        if (this.#ring !== null) greet(this.#ring.end);
        this.#resync(client, reason);
      },
      cutOff: () => this.#cutOff(client),
    };
  }

  #begin(client: Client, position: string): void {
    client.push(this.#hello(position));
    this.#admit(client, position);
  }

  /** From here on the client gets all new events, after those in the ring that it does not have. */
  #admit(client: Client, position: string): void {
    const ring = this.#ring;
    if (client.over || ring === null) return;
    client.replay(ring.after(position));
    // It may have come from a replica whose stream is a bit ahead of this one's.
    this.#members.set(client, { from: position > ring.end ? position : null, beatsAhead: 0 });
  }

  #resync(client: Client, reason: string): void {
    // The client may have gone, or the replica may have stopped, meanwhile.
    if (client.over || this.#ring === null) return;
    client.push(plainMessage('resync', { reason }, this.#ring.end));
    this.#members.set(client, { from: null, beatsAhead: 0 });
  }

  #hello(position: string): Message {
    const { replica, serverNowMs } = this.#deps;
    return plainMessage(
      'hello',
      { replica: replica.id, boot: replica.boot, now: new Date(serverNowMs()) },
      position,
    );
  }

  #open(): void {
    this.#deps.clock.clearTimeout(this.#linger);
    if (this.#upstream !== null) return;
    this.#upstream = new Upstream(this.#deps, {
      begun: (position) => this.#begun(position),
      event: (position, event) => this.#tell(messageOf(position, event, this.#deps.serverNowMs())),
      quiet: (position) => this.#ring?.moveTo(position),
    });
    this.#heartbeat = this.#deps.clock.setTimeout(() => this.#beat(), HEARTBEAT_MS);
  }

  #shut(): void {
    const { clock } = this.#deps;
    clock.clearTimeout(this.#linger);
    clock.clearTimeout(this.#heartbeat);
    this.#upstream?.end();
    this.#upstream = null;
    this.#ring = null;
    for (const resolve of this.#onRing.splice(0)) resolve();
  }

  #gone(client: Client): void {
    this.#clients.delete(client);
    this.#members.delete(client);
    if (this.#clients.size > 0 || this.#closed) return;
    this.#linger = this.#deps.clock.setTimeout(() => this.#shut(), LINGER_MS);
  }

  #begun(position: string): void {
    const isAnew = this.#ring !== null;
    this.#ring = new Ring(position);
    for (const resolve of this.#onRing.splice(0)) resolve();
    if (!isAnew) return;
    for (const client of [...this.#members.keys()]) {
      this.#resync(client, 'the history of events was interrupted');
    }
  }

  #tell(message: Message): void {
    const position = message.id as string;
    this.#ring?.push(message);
    for (const [client, member] of this.#members) {
      if (member.from !== null && position <= member.from) continue;
      member.from = null;
      this.#push(client, message);
    }
  }

  #push(client: Client, message: Message): void {
    if (!client.push(message)) this.#cutOff(client);
  }

  #cutOff(client: Client): void {
    client.cut();
    this.#cutOffs++;
    this.#deps.logger.debug('a client of the events was cut off: it does not read', {
      clients: this.#clients.size,
    });
  }

  #beat(): void {
    const { clock, serverNowMs } = this.#deps;
    this.#heartbeat = clock.setTimeout(() => this.#beat(), HEARTBEAT_MS);
    const isLive = (this.#upstream?.silentMs() ?? Infinity) < SILENT_MS;
    const beat = isLive ? plainMessage('heartbeat', { now: new Date(serverNowMs()) }) : null;
    const sign = comment(isLive ? 'catching up' : 'the store does not answer');
    for (const client of [...this.#clients]) {
      const member = this.#members.get(client);
      this.#push(client, beat !== null && member ? beat : sign);
      // No replica stays ahead of another one for long: the id is invalid.
      if (isLive && member?.from != null && ++member.beatsAhead > 2) {
        this.#resync(client, 'the id is ahead of all that has happened');
      }
    }
  }
}
