/**
 * The events of the cluster for all clients of this replica. Reads one stream from the store for all
 * of them, while there is any, and encodes each event once. A ring keeps the last few thousand: a
 * client with an id among them resumes from there. A client with another id gets a replay from its
 * own stream (replay.ts) until that reaches the ring.
 */
import type { EventFeed } from '../../actors/events/eventFeed.ts';
import type { ApiDeps } from '../shared/api.ts';
import { Semaphore } from '../shared/semaphore.ts';

import { Client } from './client.ts';
import { comment, type Filter, type Message, messageOf, plainMessage, reconnection } from './message.ts';
import { replay, type ReplayParts } from './replay.ts';
import { Ring } from './ring.ts';
import { Upstream } from './upstream.ts';

export const MAX_CLIENTS = 200;
const HEARTBEAT_MS = 5000;
/** How long the stream stays open after the last client: a page reload reconnects in this time. */
const LINGER_MS = 30_000;
/**
 * The store's stream responds at least every half second. After this silence clients may have stale
 * data, so heartbeats stop.
 */
const SILENT_MS = 3000;
/** Concurrent streams for replays. */
const MAX_REPLAYS = 8;

export interface HubDeps extends Pick<ApiDeps, 'clock' | 'logger' | 'serverNowMs' | 'replica'> {
  events: EventFeed;
}

/** A client that gets all new events; while `from` is set, only those after that position. */
interface Subscription {
  from: string | null;
  /** Number of heartbeats for which `from` has been ahead of all events. */
  beatsAhead: number;
}

export class EventHub {
  readonly #deps: HubDeps;
  readonly #clients = new Set<Client>();
  readonly #subscriptions = new Map<Client, Subscription>();
  readonly #replays = new Semaphore(MAX_REPLAYS);
  #upstream: Upstream | null = null;
  #ring: Ring | null = null;
  #awaitingRing: (() => void)[] = [];
  #heartbeat: unknown;
  #linger: unknown;
  #closed = false;
  #cutOffCount = 0;

  constructor(deps: HubDeps) {
    this.#deps = deps;
  }

  /** Number of clients, and of clients cut off because they did not read. */
  get counts(): { clients: number; cutOff: number } {
    return { clients: this.#clients.size, cutOff: this.#cutOffCount };
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Adds a client whose events follow after the position; null means from now on. `reconnectMs` is
   * sent to the client. `destroy` breaks its connection.
   */
  join(filter: Filter, after: string | null, reconnectMs: number, destroy?: () => void): Client {
    const client: Client = new Client({ filter, destroy, onGone: () => this.#remove(client) });
    this.#clients.add(client);
    client.push(reconnection(reconnectMs));
    this.#openUpstream();
    this.#begin(client, after).catch((error: Error) => {
      this.#deps.logger.error('cannot serve a client of the events', { error });
      client.end();
    });
    return client;
  }

  /** Ends all streams, and refuses new clients. */
  close(): void {
    this.#closed = true;
    for (const client of [...this.#clients]) client.end();
    this.#closeUpstream();
  }

  async #begin(client: Client, after: string | null): Promise<void> {
    if (this.#ring === null) await new Promise<void>((resolve) => this.#awaitingRing.push(resolve));
    const ring = this.#ring;
    if (client.over || ring === null) return;
    if (after === null) this.#resume(client, ring.end);
    else if (ring.has(after)) this.#resume(client, after);
    else await replay(this.#replayParts(client, after));
  }

  #replayParts(client: Client, after: string): ReplayParts {
    const { events, clock, serverNowMs } = this.#deps;
    let saidHello = false;
    const sendHello = (position: string) => {
      if (!saidHello) client.push(this.#hello(position));
      saidHello = true;
    };
    return {
      client,
      after,
      events,
      clock,
      semaphore: this.#replays,
      message: (position, event) => messageOf(position, event, serverNowMs()),
      ringStart: () => this.#ring?.start ?? null,
      sendHello: () => sendHello(after),
      caughtUp: (position) => this.#subscribe(client, position),
      resync: (reason) => {
        if (this.#ring !== null) sendHello(this.#ring.end);
        this.#resync(client, reason);
      },
      cutOff: () => this.#cutOff(client),
    };
  }

  #resume(client: Client, position: string): void {
    client.push(this.#hello(position));
    this.#subscribe(client, position);
  }

  /** From here on the client gets all new events, after those in the ring that it does not have. */
  #subscribe(client: Client, position: string): void {
    const ring = this.#ring;
    if (client.over || ring === null) return;
    client.replay(ring.after(position));
    // The client may come from a replica whose stream is slightly ahead of this one's.
    this.#subscriptions.set(client, { from: position > ring.end ? position : null, beatsAhead: 0 });
  }

  #resync(client: Client, reason: string): void {
    // Meanwhile the client may have disconnected, or the replica stopped.
    if (client.over || this.#ring === null) return;
    client.push(plainMessage('resync', { reason }, this.#ring.end));
    this.#subscriptions.set(client, { from: null, beatsAhead: 0 });
  }

  #hello(position: string): Message {
    const { replica, serverNowMs } = this.#deps;
    return plainMessage(
      'hello',
      { replica: replica.id, boot: replica.boot, now: new Date(serverNowMs()) },
      position,
    );
  }

  #openUpstream(): void {
    this.#deps.clock.clearTimeout(this.#linger);
    if (this.#upstream !== null) return;
    this.#upstream = new Upstream(this.#deps, {
      started: (position) => this.#started(position),
      event: (position, event) => this.#broadcast(messageOf(position, event, this.#deps.serverNowMs())),
      idle: (position) => this.#ring?.moveTo(position),
    });
    this.#heartbeat = this.#deps.clock.setTimeout(() => this.#beat(), HEARTBEAT_MS);
  }

  #closeUpstream(): void {
    const { clock } = this.#deps;
    clock.clearTimeout(this.#linger);
    clock.clearTimeout(this.#heartbeat);
    this.#upstream?.end();
    this.#upstream = null;
    this.#ring = null;
    for (const resolve of this.#awaitingRing.splice(0)) resolve();
  }

  #remove(client: Client): void {
    this.#clients.delete(client);
    this.#subscriptions.delete(client);
    if (this.#clients.size > 0 || this.#closed) return;
    this.#linger = this.#deps.clock.setTimeout(() => this.#closeUpstream(), LINGER_MS);
  }

  #started(position: string): void {
    const hadRing = this.#ring !== null;
    this.#ring = new Ring(position);
    for (const resolve of this.#awaitingRing.splice(0)) resolve();
    if (!hadRing) return;
    for (const client of [...this.#subscriptions.keys()]) {
      this.#resync(client, 'the history of events was interrupted');
    }
  }

  #broadcast(message: Message): void {
    const position = message.id as string;
    this.#ring?.push(message);
    for (const [client, subscription] of this.#subscriptions) {
      if (subscription.from !== null && position <= subscription.from) continue;
      subscription.from = null;
      this.#push(client, message);
    }
  }

  #push(client: Client, message: Message): void {
    if (!client.push(message)) this.#cutOff(client);
  }

  #cutOff(client: Client): void {
    client.cutOff();
    this.#cutOffCount++;
    this.#deps.logger.debug('disconnected a client of the events that does not read', {
      clients: this.#clients.size,
    });
  }

  #beat(): void {
    const { clock, serverNowMs } = this.#deps;
    this.#heartbeat = clock.setTimeout(() => this.#beat(), HEARTBEAT_MS);
    const isLive = (this.#upstream?.silentMs() ?? Infinity) < SILENT_MS;
    const beat = isLive ? plainMessage('heartbeat', { now: new Date(serverNowMs()) }) : null;
    const keepAlive = comment(isLive ? 'replaying' : 'the store does not answer');
    for (const client of [...this.#clients]) {
      const subscription = this.#subscriptions.get(client);
      this.#push(client, beat !== null && subscription ? beat : keepAlive);
      // No replica's stream stays ahead of another's for long: the id is invalid.
      if (isLive && subscription?.from != null && ++subscription.beatsAhead > 2) {
        this.#resync(client, 'the id is ahead of all events');
      }
    }
  }
}
