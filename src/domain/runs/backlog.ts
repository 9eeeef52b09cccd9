/**
 * Runs that wait in the store for an executor, by schedule, as the leader knows them: counted now and then, and
 * what it has claimed since. A schedule may add to them while its own are fewer than what is left of the limit
 * (G9): an overloaded one is held back before it can hold up the others (as in places.ts).
 */
const MAX_WAITING = 20_000;

export class Backlog {
  readonly #max: number;
  #counts = new Map<string, number>();
  #total = 0;
  #isNew = false;

  constructor(max = MAX_WAITING) {
    this.#max = max;
  }

  get total(): number {
    return this.#total;
  }

  /** They were counted. */
  counted(counts: ReadonlyMap<string, number>): void {
    this.#counts = new Map(counts);
    this.#total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    this.#isNew = true;
  }

  /** More were claimed since. */
  add(scheduleId: string, count: number): void {
    this.#counts.set(scheduleId, (this.#counts.get(scheduleId) ?? 0) + count);
    this.#total += count;
  }

  hasRoom(scheduleId: string): boolean {
    return (this.#counts.get(scheduleId) ?? 0) < this.#max - this.#total;
  }

  /** Whether they were counted since the last call. */
  takeNews(): boolean {
    const isNew = this.#isNew;
    this.#isNew = false;
    return isNew;
  }
}
