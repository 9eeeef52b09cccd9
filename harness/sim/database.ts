import type { ClusterEvent } from '../../src/domain/events/event.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import { ChangeLog } from '../../src/infra/memory/shared/changes.ts';
import { Database } from '../../src/infra/memory/shared/database.ts';

/** The memory database, which also remembers what was inserted until the oracle has seen it. */
export class SimDatabase extends Database {
  /** Short: they are not read here, and a growing log would look like a leak. */
  override readonly events = new ChangeLog<ClusterEvent>(100);
  #inserted: Run[] = [];
  readonly #changed = new Set<string>();

  override insertRun(run: Run): void {
    super.insertRun(run);
    this.#inserted.push(run);
  }

  override emitIfEnded(run: Run): void {
    super.emitIfEnded(run);
    this.#changed.add(run.id);
  }

  /** Ids of the runs that were written since the last call. */
  takeChanged(): string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  takeInserted(): Run[] {
    return this.#inserted.length === 0 ? this.#inserted : this.#inserted.splice(0);
  }
}
