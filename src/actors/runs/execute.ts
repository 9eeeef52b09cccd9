import type { Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';

/** What is done for one attempt. Rejecting means that the attempt failed. */
export type Execute = (attempt: ActionAttempt, signal: AbortSignal) => Promise<{ output: string | null }>;

export interface ActionAttempt {
  run: Run;
  schedule: Schedule;
}
