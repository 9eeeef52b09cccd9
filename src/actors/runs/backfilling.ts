/** Advances backfills for as long as there is something to do now. Each call is safe on any replica. */
import { MAX_BACKFILLED, MAX_STEP } from '../../domain/runs/backfill.ts';
import { type BackfillStore, MAX_RUNNING } from './backfillStore.ts';

/** More steps than a backfill can have. */
const MOST_STEPS = MAX_BACKFILLED / MAX_STEP + 1;

export async function advanceBackfill(store: BackfillStore, id: string): Promise<void> {
  for (let steps = 0; steps < MOST_STEPS; steps++) if (!await store.advance(id)) return;
}

/** All that are running, one after the other. */
export async function advanceBackfills(store: BackfillStore): Promise<void> {
  for (const { id } of await store.running({ limit: MAX_RUNNING })) await advanceBackfill(store, id);
}
