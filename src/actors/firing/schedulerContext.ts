import type { Progress } from '../../domain/firing/progress.ts';
import type { Grant } from '../../domain/leadership/lease.ts';
import type { NotUnderstood, Schedule } from '../../domain/schedules/schedule.ts';
import type { Backlog } from '../../domain/runs/backlog.ts';
import type { Places } from '../../domain/runs/places.ts';
import type { JobPool } from '../runs/jobs.ts';

export interface SchedulerInput {
  /** Advanced by the scheduler alone. */
  progress: Progress;
  jobs: JobPool;
  /** Shared with the executor. */
  places: Places;
  /** Counted by the adoption. */
  backlog: Backlog;
  replica: string;
  boot: string;
  leaseDurationMs: number;
  /** Server time, epoch ms. */
  serverNowMs: () => number;
  monotonicMs: () => number;
  /** Whether the trust window is open, by the replica's own monotonic clock. */
  isTrusted: () => boolean;
  /** Receives schedules that are set aside, each once. */
  onSetAside: (schedules: readonly NotUnderstood[]) => void;
}

export interface SchedulerContext extends SchedulerInput {
  grant: Grant | null;
  /** Schedules of which the store is to be read before the first claim. */
  unsurveyed: readonly Schedule[];
  /** By the server's clock as it is now: never in the future. Epoch ms. */
  termBeganMs: number;
  /** How far the previous term may have claimed: no other replica can have claimed later occurrences. */
  inheritedThroughMs: number;
  /** The latest server time at which we claimed, epoch ms. */
  latestClaimMs: number;
  /** Term and number of the last claim. */
  claimTerm: number;
  claimNumber: number;
  /** When the last claim began; monotonic, ms. */
  claimBeganMs: number;
  /** The election waits for `SCHEDULER.STOOD_DOWN`. */
  ending: boolean;
}
