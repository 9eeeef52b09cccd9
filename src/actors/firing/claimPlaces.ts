/**
 * Places for the runs of a claim: the leader executes those that find one, at once; the others are claimed
 * unowned, for the first executor that has a place.
 */
import type { Backlog } from '../../domain/runs/backlog.ts';
import type { Places } from '../../domain/runs/places.ts';
import { isOwned, type Run } from '../../domain/runs/run.ts';

/**
 * Takes a place for each run that is to start at once. Those without one become unowned; so do those that hold one
 * already: they go on here, and the claim will find them stored.
 */
export function takePlacesFor(runs: Run[], places: Places, backlog: Backlog): void {
  for (const run of runs) {
    if (!isStarting(run)) continue;
    if (!places.holds(run.id) && places.take(run.id, run.schedule_id)) continue;
    backlog.add(run.schedule_id, 1);
    Object.assign(run, { waiting_for: 'place', attempt: 0, executor: null, executor_boot: null });
  }
}

/** Frees the places of runs that the claim has not made ours. */
export function freePlacesOf(asked: readonly Run[], ours: readonly Run[], places: Places): void {
  const starting = new Set(ours.filter(isStarting).map(({ id }) => id));
  for (const { id } of asked.filter(isStarting)) if (!starting.has(id)) places.release(id);
}

function isStarting(run: Run): boolean {
  return run.state === 'claimed' && isOwned(run);
}
