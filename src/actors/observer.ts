import type { Outcome } from '../domain/runs/outcome.ts';
import type { Run } from '../domain/runs/run.ts';
import type { ElectionNews } from './leadership/electionEvents.ts';

/** Observes a replica as it acts, for metrics. Must be quick, and must not throw. */
export interface ReplicaObserver {
  /** A claim of this replica is durable, with these runs and records, possibly none. */
  claimed(runs: readonly Run[]): void;
  /** An attempt begins; `run` holds its number and its lateness. */
  attempting(run: Run): void;
  /** An attempt has ended, and the outcome is recorded; its run has ended too, unless it is retried. */
  settled(outcome: Outcome): void;
  /** This replica has ended `count` runs of lost executors. */
  abandoned(count: number): void;
  election(news: ElectionNews): void;
  /** The server's clock was set by `stepMs`, forward or back (negative). */
  clockStepped(stepMs: number): void;
}
