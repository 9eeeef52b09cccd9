import type { OwnedRun, RunWork } from '../../domain/runs/run.ts';

/** Executes one attempt. A rejection means that the attempt failed. */
export type Execute = (attempt: ActionAttempt, signal: AbortSignal) => Promise<{ output: string | null }>;

export interface ActionAttempt {
  run: OwnedRun;
  /** What the run was claimed with. */
  work: RunWork;
}
