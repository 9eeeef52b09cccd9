/**
 * The search for orphans. It passes over runs whose schedule is in the store but not in our mirror,
 * so that they do not fill the page. The mirror may only lag; or this version does not understand the
 * schedule, until its stored definition changes.
 */
import { DEAD_AFTER_MS } from '../actors/runs/executorWatch.ts';
import { MAX_ADOPTED, type SearchResult } from '../actors/runs/adoptionPlan.ts';
import type { Store } from '../actors/store.ts';

/** Pages in one search, each of `MAX_ADOPTED` runs at most (G9). The next search continues after them. */
const MAX_PAGES = 4;
/** Limits of schedules passed over, and of those checked in the store again with each search. */
const MAX_PASSED_OVER = 10_000;
const ASKED_AGAIN = 10;

export class OrphanSearch {
  readonly #store: Pick<Store, 'runs' | 'schedules'>;
  /** Schedules in the store but not in our mirror; least recently checked first. */
  readonly #passedOver = new Set<string>();

  constructor(store: Pick<Store, 'runs' | 'schedules'>) {
    this.#store = store;
  }

  /** `knows`: whether our mirror has the schedule. */
  async orphans(boot: string, knows: (scheduleId: string) => boolean): Promise<SearchResult> {
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

  /** Stops passing over schedules that the mirror has by now, or that were deleted. */
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
