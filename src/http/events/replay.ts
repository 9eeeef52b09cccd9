import type { EventFeed, OpenEvents } from '../../actors/events/eventFeed.ts';
import type { Clock } from '../../actors/shared/environment.ts';
import { StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { wait, within } from '../../actors/shared/wait.ts';
import type { ClusterEvent } from '../../domain/events/event.ts';
import type { Client } from './client.ts';
import type { Message } from './message.ts';
import type { Semaphore } from '../shared/semaphore.ts';

/** Beyond this many, the client reads everything again: that is cheaper (G9). */
const MAX_EVENTS = 10_000;
/** The client must take this many before more are read. */
const BATCH = 100;
const BATCH_BYTES = 256 * 1024;
const MAX_TRIES = 4;
const RETRY_AFTER_MS = 500;
/** Time limit for taking a batch: other clients wait for the stream. */
const DRAIN_LIMIT_MS = 10_000;

export interface ReplayParts {
  client: Client;
  /** The client's last position. */
  after: string;
  events: EventFeed;
  semaphore: Semaphore;
  clock: Clock;
  message(position: string, event: ClusterEvent): Message;
  /** The hub's ring has all events after this position; null while there is no ring. */
  ringStart(): string | null;
  /** The position is valid: sends `hello` before all events. */
  sendHello(): void;
  /** The client has everything up to this position, and the ring has the rest. */
  caughtUp(position: string): void;
  /** The missing events are not available. */
  resync(reason: string): void;
  /** The client does not read. */
  cutOff(): void;
}

/** Sends the client the events after its position, until the hub's ring covers the rest. */
export async function replay(parts: ReplayParts): Promise<void> {
  await parts.semaphore.run(() => follow(parts));
}

async function follow(parts: ReplayParts): Promise<void> {
  const { client, clock, resync } = parts;
  const progress = { position: parts.after, events: 0 };
  for (let tries = 1; !client.over; tries++) {
    let open: OpenEvents | 'lost' | null = null;
    try {
      open = await parts.events.open(progress.position);
      if (client.over) return;
      if (open === 'lost') return resync('the id is unknown, or the events after it are no longer available');
      parts.sendHello();
      return await sendEvents(parts, open, progress);
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || tries === MAX_TRIES) {
        return resync('the events after the id could not be read');
      }
    } finally {
      if (open !== null && open !== 'lost') open.close();
    }
    await wait(clock, RETRY_AFTER_MS);
  }
}

async function sendEvents(
  { client, clock, message, ringStart, caughtUp, resync, cutOff }: ReplayParts,
  open: OpenEvents,
  progress: { position: string; events: number },
): Promise<void> {
  while (!client.over) {
    const start = ringStart();
    if (start !== null && progress.position >= start) return caughtUp(progress.position);
    const step = await open.next();
    if (step === 'lost') return resync('the history of events was interrupted');
    progress.position = step.position;
    if (step.event === null) continue;
    if (++progress.events > MAX_EVENTS) {
      return resync(`there are more than ${MAX_EVENTS} events after the id`);
    }
    client.push(message(step.position, step.event));
    const isFull = client.waiting >= BATCH || client.waitingBytes >= BATCH_BYTES;
    if (isFull && !(await within(clock, DRAIN_LIMIT_MS, client.emptied()))) return cutOff();
  }
}
