import type { Backfill } from '../../domain/runs/backfill.ts';
import type { NotUnderstood } from '../../domain/schedules/schedule.ts';
import type { Page } from '../shared/page.ts';

export interface BackfillQuery {
  scheduleId: string;
  limit: number;
  cursor: string | null;
}

export interface BackfillStore {
  /**
   * Stores a backfill; `gone`, and nothing is stored, when its schedule is gone, `full` when `MAX_RUNNING` are
   * running. Idempotent. After `StoreUnavailable` it may be stored.
   */
  create(backfill: Backfill): Promise<'created' | 'gone' | 'full'>;
  get(id: string): Promise<Backfill | NotUnderstood | null>;
  /** Newest first. Omits what this version does not understand. */
  list(query: BackfillQuery): Promise<Page<Backfill>>;
  /** Those that are running, of one schedule or of all: the oldest. */
  running(query: { scheduleId?: string; limit: number }): Promise<Backfill[]>;
  /** Number of open runs of each; none of those without. */
  openRuns(ids: readonly string[]): Promise<Map<string, number>>;
  /** Number of occurrences in its range that have had a run, by the records that are kept. */
  alreadyRun(backfill: Backfill): Promise<number>;
  /**
   * One step (`nextStep`), in one transaction: two callers exclude each other. True when another one can follow at
   * once. Idempotent. After `StoreUnavailable` it may have taken effect.
   */
  advance(id: string): Promise<boolean>;
  /**
   * Ends a running backfill: its unowned runs are cancelled, and the attempts of the others are aborted. The backfill
   * as stored then, whether it had ended before or not; null when there is none. Idempotent.
   */
  cancel(id: string): Promise<Cancellation | NotUnderstood | null>;
}

export interface Cancellation {
  backfill: Backfill;
  /** False when it had ended before. */
  isNew: boolean;
}

/** Backfills that run at a time, at most (G9). */
export const MAX_RUNNING = 100;
