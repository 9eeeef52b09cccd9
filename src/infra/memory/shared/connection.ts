import { StoreUnavailable } from '../../../actors/shared/storeErrors.ts';
import type { NotUnderstood, Schedule } from '../../../domain/schedules/schedule.ts';
import type { Database } from './database.ts';

/**
 * Stands between a caller and the database: may delay a call, run it and drop the answer, or reject
 * without running it. `op` is the port's and the method's name, such as `claims.claim`; `feed.next`
 * and `lease.watch` carry the streams.
 */
export type Intercept = <T>(op: string, run: () => Promise<T>) => Promise<T>;

/**
 * Why a version of the product does not understand a schedule, as a sentence's end; null when it
 * does.
 */
export type Obstacle = (schedule: Schedule) => string | null;

/** One replica's connection to the database. */
export class Connection {
  readonly db: Database;
  readonly #intercept: Intercept;
  readonly #obstacle: Obstacle;
  readonly #onClose = new Set<() => void>();
  #closed = false;

  constructor(
    db: Database,
    intercept: Intercept = (_op, run) => run(),
    obstacle: Obstacle = () => null,
  ) {
    this.db = db;
    this.#intercept = intercept;
    this.#obstacle = obstacle;
  }

  /** The schedule as this replica's version reads it. */
  read(schedule: Schedule): Schedule | NotUnderstood {
    const not_understood = this.#obstacle(schedule);
    return not_understood === null ? schedule : { id: schedule.id, not_understood };
  }

  /** Runs `body` later, in one synchronous step, and answers with a copy of its result. */
  async call<T>(op: string, body: () => T): Promise<T> {
    const answer = await this.#intercept(op, async () => {
      this.#refuseIfClosed();
      return structuredClone(body());
    });
    this.#refuseIfClosed();
    return answer;
  }

  /** Returns what deregisters `end`. */
  onClose(end: () => void): () => void {
    this.#onClose.add(end);
    return () => this.#onClose.delete(end);
  }

  close(): void {
    this.#closed = true;
    for (const end of [...this.#onClose]) end();
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new StoreUnavailable('the store is closed');
  }
}
