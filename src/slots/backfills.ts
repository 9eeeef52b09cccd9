/** Who advances backfills: the replica that has recorded the end of one of their runs, and the leader. */
import { advanceBackfill, advanceBackfills } from '../actors/runs/backfilling.ts';
import type { Outcome } from '../domain/runs/outcome.ts';
import type { SlotDeps } from './deps.ts';

/** Not awaited: executing goes on meanwhile. */
export function continueBackfills({ store, report }: SlotDeps, recorded: readonly Outcome[]): void {
  const ended = recorded.filter(({ retry_at }) => retry_at === null);
  for (const id of new Set(ended.flatMap(({ backfill_id }) => backfill_id ?? []))) {
    advanceBackfill(store.backfills, id).catch((error: Error) =>
      report(null, { message: 'a backfill could not be continued; the leader retries', error })
    );
  }
}

/**
 * What the leader calls now and then, for what others have left: after a crash, a cancelled run, or an occurrence
 * that was not settled yet. Not awaited; one call at a time does something.
 */
export function backfillSweep({ store, report }: SlotDeps): () => void {
  let isSweeping = false;
  return () => {
    if (isSweeping) return;
    isSweeping = true;
    advanceBackfills(store.backfills)
      .catch((error: Error) => report(null, { message: 'backfills could not be continued; retrying', error }))
      .finally(() => {
        isSweeping = false;
      });
  };
}
