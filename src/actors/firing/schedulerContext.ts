import type { DueQueue } from '../../domain/firing/dueQueue.ts';
import type { Grant } from '../../domain/leadership/lease.ts';
import type { Watermark } from '../../domain/leadership/watermark.ts';
import type { NotUnderstood } from '../../domain/schedules/schedule.ts';
import type { JobPool } from '../runs/jobs.ts';

export interface SchedulerInput {
  queue: DueQueue;
  jobs: JobPool;
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
  /** By the server's clock as it is now: never in the future. Epoch ms. */
  termBeganMs: number;
  /** The lease's watermark. */
  mark: Watermark;
  /** How far the previous term may have claimed: no other replica can have claimed later occurrences. */
  inheritedThroughMs: number;
  /** Our mirror is complete up to here; server time, epoch ms. */
  mirroredMs: number;
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
