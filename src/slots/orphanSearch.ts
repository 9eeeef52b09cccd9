/**
 * The search for orphans. It excludes runs whose schedule is in the store but not in our mirror, so that
 * they do not fill the page. The mirror may lag, or this version may not understand the schedule as it
 * is stored.
 */
import { DEAD_AFTER_MS } from '../actors/runs/executorWatch.ts';
import { MAX_ADOPTED, type SearchResult } from '../actors/runs/adoptionPlan.ts';
import type { Store } from '../actors/store.ts';

/** Pages in one search, each of `MAX_ADOPTED` runs at most (G9). The next search continues after them. */
const MAX_PAGES = 4;
/** Limits of excluded schedules, and of those checked in the store again with each search. */
const MAX_EXCLUDED = 10_000;
const MAX_RECHECKED = 10;

export class OrphanSearch {
  readonly #store: Pick<Store, 'runs' | 'schedules'>;
  /** Schedules in the store but not in our mirror; least recently checked first. */
  readonly #excluded = new Set<string>();

  constructor(store: Pick<Store, 'runs' | 'schedules'>) {
    this.#store = store;
  }

  /** `knows`: whether our mirror has the schedule. */
  async orphans(boot: string, knows: (scheduleId: string) => boolean): Promise<SearchResult> {
    await this.#recheck(knows);
    const query = { exceptBoot: boot, deadAfterMs: DEAD_AFTER_MS, limit: MAX_ADOPTED };
    for (let page = 1;; page++) {
      const exceptSchedules = [...this.#excluded];
      const found = await this.#store.runs.orphans({ ...query, exceptSchedules });
      const unknown = [...new Set(found.map((run) => run.schedule_id))].filter((id) => !knows(id));
      const gone = await this.#gone(unknown);
      const blocked = new Set(unknown.filter((id) => !gone.has(id)));
      for (const id of blocked) this.#exclude(id);
      const orphans = found.filter((run) => !blocked.has(run.schedule_id));
      const isWhole = found.length < MAX_ADOPTED || blocked.size === 0;
      if (isWhole || page === MAX_PAGES) return { orphans, gone };
    }
  }

  /** Includes schedules again that the mirror has by now, or that were deleted. */
  async #recheck(knows: (scheduleId: string) => boolean): Promise<void> {
    for (const id of [...this.#excluded]) if (knows(id)) this.#excluded.delete(id);
    const asked = [...this.#excluded].slice(0, MAX_RECHECKED);
    const gone = await this.#gone(asked);
    for (const id of asked) {
      this.#excluded.delete(id);
      if (!gone.has(id)) this.#excluded.add(id);
    }
  }

  #exclude(id: string): void {
    if (this.#excluded.size < MAX_EXCLUDED) this.#excluded.add(id);
  }

  async #gone(ids: readonly string[]): Promise<Set<string>> {
    const found = await Promise.all(ids.map((id) => this.#store.schedules.get(id)));
    return new Set(ids.filter((_, index) => found[index] === null));
  }
}
