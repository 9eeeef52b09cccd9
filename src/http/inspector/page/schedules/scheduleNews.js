/** Applies events to schedules on the page. Pure. */
import { isUnderstood } from '../shared/words.js';

/** @import { NotUnderstood, RecentRun, Schedule } from '../types.d.ts' */
/** @typedef {Schedule | NotUnderstood} Stored */

/**
 * The schedule from an event, with the runs, which the event leaves out.
 * @param {Stored} old
 * @param {Stored | null} updated null when it was deleted before the event was sent
 * @returns {Stored}
 */
export function afterChange(old, updated) {
  if (updated === null) return old;
  if (!isUnderstood(old) || !isUnderstood(updated)) return updated;
  const { last_run, recent_runs } = old;
  return { ...updated, ...(last_run !== undefined && { last_run }), ...(recent_runs && { recent_runs }) };
}

/**
 * The newest runs of a schedule with those that have ended since, newest first.
 * @param {readonly (RecentRun | NotUnderstood)[]} old
 * @param {readonly RecentRun[]} ended
 * @param {number} places
 */
export function withEnded(old, ended, places) {
  return newestFirst([...old, ...ended]).slice(0, places);
}

/**
 * Each run once, in its latest version. Those that are not understood have no known time, and come
 * first.
 * @template {RecentRun} T
 * @param {readonly (T | NotUnderstood)[]} runs
 */
export function newestFirst(runs) {
  const timeOf = (/** @type {T | NotUnderstood} */ run) =>
    isUnderstood(run) ? Date.parse(run.scheduled_for) : Infinity;
  const byId = new Map(runs.map((run) => [run.id, run]));
  return [...byId.values()].toSorted((a, b) => timeOf(b) > timeOf(a) ? 1 : timeOf(b) < timeOf(a) ? -1 : 0);
}
