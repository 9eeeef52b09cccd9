import type { EventFeed, OpenEvents } from '../../actors/events/eventFeed.ts';
import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { StoreUnavailable } from '../../actors/shared/storeErrors.ts';
import { wait } from '../../actors/shared/wait.ts';
import type { ClusterEvent } from '../../domain/events/event.ts';

const RETRY_AFTER_MS = 500;

export interface UpstreamObserver {
  /** Events follow from this position; earlier positions are void. */
  started(position: string): void;
  event(position: string, event: ClusterEvent): void;
  /** There is no event up to this position. */
  idle(position: string): void;
}

/**
 * The one stream of events that this replica reads for all its clients. After an error it resumes at
 * its position; when that is no longer possible it starts again, and reports `started`.
 */
export class Upstream {
  readonly #parts: { events: EventFeed; clock: Clock; logger: Logger };
  readonly #observer: UpstreamObserver;
  #open: OpenEvents | null = null;
  #position: string | null = null;
  #respondedMs = -Infinity;
  #ended = false;

  constructor(parts: { events: EventFeed; clock: Clock; logger: Logger }, observer: UpstreamObserver) {
    this.#parts = parts;
    this.#observer = observer;
    void this.#run();
  }

  /** Time since the store's last response, ms. */
  silentMs(): number {
    return this.#parts.clock.monotonic() - this.#respondedMs;
  }

  end(): void {
    this.#ended = true;
    this.#open?.close();
  }

  async #run(): Promise<void> {
    const { clock, logger } = this.#parts;
    for (let failures = 0; !this.#ended;) {
      try {
        await this.#follow(() => (failures = 0));
      } catch (error) {
        if (this.#ended) return;
        if (failures++ === 0) logger.warn('the stream of events failed; opening it again', { error });
        if (!(error instanceof StoreUnavailable)) this.#position = null;
      } finally {
        this.#open?.close();
      }
      await wait(clock, RETRY_AFTER_MS);
    }
  }

  /** Returns when the stream ends or is lost; throws when it breaks. */
  async #follow(onResponse: () => void): Promise<void> {
    const open = await this.#parts.events.open(this.#position);
    if (open === 'lost') {
      this.#position = null;
      return;
    }
    this.#open = open;
    if (this.#ended) return;
    if (this.#position === null) this.#observer.started(open.start);
    this.#position = open.start;
    for (;;) {
      this.#respondedMs = this.#parts.clock.monotonic();
      onResponse();
      const step = await open.next();
      if (this.#ended) return;
      if (step === 'lost') {
        this.#position = null;
        return;
      }
      this.#position = step.position;
      if (step.event) this.#observer.event(step.position, step.event);
      else this.#observer.idle(step.position);
    }
  }
}
