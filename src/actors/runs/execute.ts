import type { Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';

/** Executes one attempt. A rejection means that the attempt failed. */
export type Execute = (attempt: ActionAttempt, signal: AbortSignal) => Promise<{ output: string | null }>;

export interface ActionAttempt {
  run: Run;
  schedule: Schedule;
}
