import type { Action } from '../../domain/actions/action.ts';
import type { OwnedRun, RunWork } from '../../domain/runs/run.ts';

/**
 * Executes one attempt of an action. A rejection means that the attempt failed: with an `AttemptFailure` when the
 * action knows whether another one could succeed. The signal ends it, at its timeout or when it is cancelled.
 */
export type Execute<A extends Action = Action> = (
  attempt: ActionAttempt<A>,
  signal: AbortSignal,
) => Promise<{ output: string | null }>;

export interface ActionAttempt<A extends Action = Action> {
  run: OwnedRun;
  /** What the run was claimed with. */
  work: RunWork & { action: A };
}
