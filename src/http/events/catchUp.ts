import type { EventFeed, OpenEvents } from '../../actors/events/eventFeed.ts';
import type { Clock } from '../../actors/shared/environment.ts';
import { StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { wait, within } from '../../actors/shared/wait.ts';
import type { ClusterEvent } from '../../domain/events/event.ts';
import type { Client } from './client.ts';
import type { Message } from './message.ts';
import type { Semaphore } from './semaphore.ts';

/** Above this, reading everything again is cheaper (G9). */
const MAX_EVENTS = 10_000;
/** The client must drain this many before more are read. */
const BATCH = 100;
const BATCH_BYTES = 256 * 1024;
const MAX_TRIES = 4;
const RETRY_AFTER_MS = 500;
/** Time limit for draining a batch: other clients wait for their turn. */
const TAKEN_WITHIN_MS = 10_000;

export interface CatchUpParts {
  client: Client;
  /** The client's last position. */
  after: string;
  events: EventFeed;
  turns: Semaphore;
  clock: Clock;
  message(position: string, event: ClusterEvent): Message;
  /** The hub keeps all events after this position; null while it keeps none. */
  keptFrom(): string | null;
  /** The position is valid: sends `hello` before everything else. */
  greet(): void;
  /** The client has everything up to this position, and the hub keeps the rest. */
  meet(position: string): void;
  giveUp(reason: string): void;
  /** The client does not drain its queue. */
  cutOff(): void;
}

/** Sends the client the events after its position, until the hub's ring covers the rest. */
export async function catchUp(parts: CatchUpParts): Promise<void> {
  await parts.turns.take(() => follow(parts));
}

async function follow(parts: CatchUpParts): Promise<void> {
  const { client, clock, giveUp } = parts;
  const progress = { position: parts.after, events: 0 };
  for (let tries = 1; !client.over; tries++) {
    let open: OpenEvents | 'lost' | null = null;
    try {
      open = await parts.events.open(progress.position);
      if (client.over) return;
      if (open === 'lost') return giveUp('the id is unknown, or too old for its history');
      parts.greet();
      return await replay(parts, open, progress);
    } catch (error) {
      if (!(error instanceof StoreUnavailable) || tries === MAX_TRIES) {
        return giveUp('what came after the id could not be read');
      }
    } finally {
      if (open !== null && open !== 'lost') open.close();
    }
    await wait(clock, RETRY_AFTER_MS);
  }
}

async function replay(
  { client, clock, message, keptFrom, meet, giveUp, cutOff }: CatchUpParts,
  open: OpenEvents,
  progress: { position: string; events: number },
): Promise<void> {
  while (!client.over) {
    const keptSince = keptFrom();
    if (keptSince !== null && progress.position >= keptSince) return meet(progress.position);
    const step = await open.next();
    if (step === 'lost') return giveUp('the history of events was interrupted');
    progress.position = step.position;
    if (step.event === null) continue;
    if (++progress.events > MAX_EVENTS) return giveUp(`more than ${MAX_EVENTS} events came after the id`);
    client.push(message(step.position, step.event));
    const isFull = client.waiting >= BATCH || client.waitingBytes >= BATCH_BYTES;
    if (isFull && !(await within(clock, TAKEN_WITHIN_MS, client.emptied()))) return cutOff();
  }
}
