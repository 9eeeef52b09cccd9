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

/** The runs that start now, of those that the claim has stored: an executor may have taken others since. */
export function startingOf(asked: readonly Run[], stored: readonly Run[]): Run[] {
  const wanted = new Map(asked.filter(isStarting).map((run) => [run.id, run]));
  return stored.filter((run) => {
    const own = wanted.get(run.id);
    return isStarting(run) && own?.attempt === run.attempt && own.executor_boot === run.executor_boot;
  });
}

/** Frees the places of runs that the claim does not start. */
export function freePlacesOf(asked: readonly Run[], starting: readonly Run[], places: Places): void {
  const ids = new Set(starting.map(({ id }) => id));
  for (const { id } of asked.filter(isStarting)) if (!ids.has(id)) places.release(id);
}

function isStarting(run: Run): boolean {
  return run.state === 'claimed' && isOwned(run);
}
