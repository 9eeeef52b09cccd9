/** What became of the runs of each steady schedule, for the report. */
import type { RecordedRun } from './audit.ts';
import { BACKFILLED, STEADY, WEBHOOK_ID } from './steady.ts';

export const ENDS = [
  'succeeded',
  'failed',
  'timed_out',
  'cancelled',
  'skipped',
  'missed',
  'abandoned',
] as const;

export interface Tally {
  scheduleId: string;
  /** Occurrences by what became of them. */
  ends: Record<(typeof ENDS)[number], number>;
  attempts: number;
  /** Attempts whose executor was lost. */
  lost: number;
}

export function tallies(runs: readonly RecordedRun[]): Tally[] {
  return [...STEADY.map(({ id }) => id), WEBHOOK_ID, BACKFILLED.id].map((id) => {
    const own = runs.filter(({ schedule_id }) => schedule_id === id);
    const attempts = own.flatMap((run) => run.attempts ?? []);
    const count = (end: string) => own.reduce((sum, run) => sum + (run.state === end ? run.count : 0), 0);
    return {
      scheduleId: id,
      ends: Object.fromEntries(ENDS.map((end) => [end, count(end)])) as Tally['ends'],
      attempts: attempts.length,
      lost: attempts.filter(({ state }) => state === 'lost').length,
    };
  });
}
