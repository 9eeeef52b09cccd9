import type { Clock } from '../../actors/shared/environment.ts';
import type { Replica } from '../../domain/membership/replica.ts';

/** Read interval, and the shorter one while a boot is missing from the list (G9). */
const READ_EVERY_MS = 5_000;
const READ_AGAIN_MS = 500;

/**
 * The announced replicas, as of the last read of the list. While the store does not answer, the
 * last list stays valid.
 */
export class Roster {
  readonly #list: () => Promise<readonly Replica[]>;
  readonly #clock: Clock;
  readonly #onRead: (replicas: readonly Replica[]) => void;
  #replicas = new Map<string, Replica>();
  #startedMs = -Infinity;
  #reading = false;
  /** A boot was missing since the last read began. */
  #wanted = false;
  #timer: unknown;
  #isOver = false;

  constructor(
    list: () => Promise<readonly Replica[]>,
    clock: Clock,
    onRead: (replicas: readonly Replica[]) => void,
  ) {
    this.#list = list;
    this.#clock = clock;
    this.#onRead = onRead;
  }

  get(boot: string): Replica | undefined {
    return this.#replicas.get(boot);
  }

  /** Reads the list soon: a missing boot may have announced itself by now. */
  look(): void {
    if (this.#wanted || this.#isOver) return;
    this.#wanted = true;
    if (!this.#reading) this.#schedule();
  }

  start(): void {
    void this.#read();
  }

  stop(): void {
    this.#isOver = true;
    this.#clock.clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#clock.clearTimeout(this.#timer);
    if (this.#isOver) return;
    const everyMs = this.#wanted ? READ_AGAIN_MS : READ_EVERY_MS;
    const waitMs = Math.max(0, this.#startedMs + everyMs - this.#clock.monotonic());
    this.#timer = this.#clock.setTimeout(() => void this.#read(), waitMs);
  }

  async #read(): Promise<void> {
    this.#reading = true;
    this.#wanted = false;
    this.#startedMs = this.#clock.monotonic();
    try {
      const replicas = await this.#list();
      this.#replicas = new Map(replicas.map((replica) => [replica.boot, replica]));
      if (!this.#isOver) this.#onRead(replicas);
    } catch {
      // The store's wrapper has reported it; the last list stays valid.
    } finally {
      this.#reading = false;
      this.#schedule();
    }
  }
}
