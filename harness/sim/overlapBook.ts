/** The oracle's book of overlaps: which runs of a schedule may be begun beside others. */
import type { Run } from '../../src/domain/runs/run.ts';
import type { SimDatabase } from './database.ts';

export class OverlapBook {
  readonly #db: SimDatabase;
  readonly #fail: (sentence: string) => void;
  turns = 0;

  constructor(db: SimDatabase, fail: (sentence: string) => void) {
    this.#db = db;
    this.#fail = fail;
  }

  /** A run was recorded as skipped because of others. */
  skipped(run: Run): void {
    if (this.#others(run).length === 0) this.#fail(`${run.id} is skipped, and nothing overlaps with it.`);
  }

  /** No other run of a schedule that does not let them overlap is open, but those that wait for their turn. */
  begins(run: Run, what: string): void {
    const other = this.#others(run).find(({ waiting_for }) => waiting_for !== 'overlap');
    if (other !== undefined) this.#fail(`${run.id} ${what}, and ${other.id} is open: ${run.overlap}.`);
  }

  /** The turn has come: to the oldest that waits. */
  turn(run: Run, what: string): void {
    this.turns++;
    this.begins(run, 'has its turn');
    const older = this.#others(run).find(({ waiting_for, scheduled_for }) =>
      waiting_for === 'overlap' && scheduled_for < run.scheduled_for
    );
    if (older !== undefined) this.#fail(`${what} has its turn before ${older.id}.`);
  }

  /** Open runs of the schedule that count for overlaps, but this one. */
  #others(run: Run): Run[] {
    return this.#db.openRuns().filter((other) =>
      other.id !== run.id && other.schedule_id === run.schedule_id && other.overlap !== null &&
      other.schedule_created_at?.getTime() === run.schedule_created_at?.getTime()
    );
  }
}
