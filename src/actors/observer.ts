import type { Outcome, Run } from '../domain/runs/run.ts';
import type { ElectionNews } from './leadership/electionEvents.ts';

/** Is told what a replica does, as it does it, for metrics. Must be quick and throw nothing. */
export interface ReplicaObserver {
  /** A claim of this replica is durable, with these runs and records; there may be none. */
  claimed(runs: readonly Run[]): void;
  /** An attempt begins; the run says which, and how late it is. */
  attempting(run: Run): void;
  /** An attempt has ended, and its run with it: that is recorded. */
  settled(outcome: Outcome): void;
  /** This replica has ended so many runs of lost executors. */
  abandoned(count: number): void;
  election(news: ElectionNews): void;
  /** The server's clock was found to have been set, forward or back (negative), by so much. */
  clockStepped(stepMs: number): void;
}
