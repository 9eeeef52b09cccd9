/**
 * The search for runs that are to be adopted. What can't be acted on, since our mirror does not have its schedule
 * although the store does, is passed over, and does not keep others out of the page. The mirror may only be behind; or
 * this version does not understand the schedule, for as long as it is stored as it is.
 */
import { DEAD_AFTER_MS, MAX_ADOPTED, type Sighting } from '../actors/runs/adoption.ts';
import type { Store } from '../actors/store.ts';

/** Pages in one search, each of `MAX_ADOPTED` runs at most (G9). The next search goes on after them. */
const MAX_PAGES = 4;
/** Schedules that are passed over, at most, and how many of them the store is asked for with each search. */
const MAX_PASSED_OVER = 10_000;
const ASKED_AGAIN = 10;

export class OrphanSearch {
  readonly #store: Pick<Store, 'runs' | 'schedules'>;
  /** Schedules that the store has and our mirror has not; those that were asked for longest ago first. */
  readonly #passedOver = new Set<string>();

  constructor(store: Pick<Store, 'runs' | 'schedules'>) {
    this.#store = store;
  }

  /** `knows`: whether our mirror has the schedule. */
  async orphans(boot: string, knows: (scheduleId: string) => boolean): Promise<Sighting> {
    await this.#lookAgain(knows);
    const query = { exceptBoot: boot, deadAfterMs: DEAD_AFTER_MS, limit: MAX_ADOPTED };
    for (let page = 1;; page++) {
      const exceptSchedules = [...this.#passedOver];
      const found = await this.#store.runs.orphans({ ...query, exceptSchedules });
      const unknown = [...new Set(found.map((run) => run.schedule_id))].filter((id) => !knows(id));
      const gone = await this.#gone(unknown);
      const blocked = new Set(unknown.filter((id) => !gone.has(id)));
      for (const id of blocked) this.#passOver(id);
      const orphans = found.filter((run) => !blocked.has(run.schedule_id));
      const isWhole = found.length < MAX_ADOPTED || blocked.size === 0;
      if (isWhole || page === MAX_PAGES) return { orphans, gone };
    }
  }

  /** What our mirror has meanwhile is looked for again, and so is what was deleted. */
  async #lookAgain(knows: (scheduleId: string) => boolean): Promise<void> {
    for (const id of [...this.#passedOver]) if (knows(id)) this.#passedOver.delete(id);
    const asked = [...this.#passedOver].slice(0, ASKED_AGAIN);
    const gone = await this.#gone(asked);
    for (const id of asked) {
      this.#passedOver.delete(id);
      if (!gone.has(id)) this.#passedOver.add(id);
    }
  }

  #passOver(id: string): void {
    if (this.#passedOver.size < MAX_PASSED_OVER) this.#passedOver.add(id);
  }

  async #gone(ids: readonly string[]): Promise<Set<string>> {
    const found = await Promise.all(ids.map((id) => this.#store.schedules.get(id)));
    return new Set(ids.filter((_, index) => found[index] === null));
  }
}
