import type { Clock } from '../../actors/shared/environment.ts';
import type { Replica } from '../../domain/membership/replica.ts';

/** How often the list is read by itself, and how soon again when it seems to lack somebody (G9). */
const READ_EVERY_MS = 5_000;
const READ_AGAIN_MS = 500;

/**
 * The replicas that have announced themselves, as they were when the list was read last. While the store does not
 * answer, the last list goes on to count.
 */
export class Roster {
  readonly #list: () => Promise<readonly Replica[]>;
  readonly #clock: Clock;
  readonly #onRead: (replicas: readonly Replica[]) => void;
  #replicas = new Map<string, Replica>();
  #startedMs = -Infinity;
  #reading = false;
  /** Somebody was missing since the last reading began. */
  #wanted = false;
  #timer: unknown;
  #over = false;

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

  /** Reads the list soon: a boot is missing in it that may have announced itself by now. */
  look(): void {
    if (this.#wanted || this.#over) return;
    this.#wanted = true;
    if (!this.#reading) this.#schedule();
  }

  start(): void {
    void this.#read();
  }

  stop(): void {
    this.#over = true;
    this.#clock.clearTimeout(this.#timer);
  }

  #schedule(): void {
    this.#clock.clearTimeout(this.#timer);
    if (this.#over) return;
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
      if (!this.#over) this.#onRead(replicas);
    } catch {
      // The wrapper of the store has told of it: the last list goes on to count.
    } finally {
      this.#reading = false;
      this.#schedule();
    }
  }
}
