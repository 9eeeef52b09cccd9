/** Searches in the due queue. */
import type { Schedule } from '../schedules/schedule.ts';
import { occurrencesBetween } from '../timing/occurrences.ts';
import type { DueQueue } from './dueQueue.ts';
import { owesFromMs } from './owed.ts';

/** Schedules of which more than `most` occurrences through `throughMs` may have been claimed already. */
export function behind(queue: DueQueue, throughMs: number, most: number): Schedule[] {
  const found: Schedule[] = [];
  for (const { schedule, cursorMs, dueMs } of queue.entries()) {
    // A timing made after the server's clock was set back may have occurrences that an earlier one has had.
    if (dueMs > throughMs || schedule.effective_from < schedule.written_at) continue;
    const fromMs = Math.max(cursorMs, owesFromMs(schedule));
    if (fromMs >= throughMs) continue;
    if (occurrencesBetween(schedule, fromMs, throughMs, most + 1).length > most) found.push(schedule);
  }
  return found;
}

/** Schedules that owe nothing more and are to be deleted for it, at most `limit`. */
export function completed(queue: DueQueue, limit: number): Schedule[] {
  const found: Schedule[] = [];
  for (const { schedule, dueMs, state } of queue.entries()) {
    if (schedule.delete_after === undefined || dueMs < Infinity || state !== 'waiting') continue;
    if (owesFromMs(schedule) < Infinity) found.push(schedule);
    if (found.length >= limit) break;
  }
  return found;
}
