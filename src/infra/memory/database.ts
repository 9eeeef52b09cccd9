import { type Clock, StoreUnavailable } from '../../actors/ports.ts';
import type { Lease } from '../../domain/lease.ts';
import type { Replica } from '../../domain/replica.ts';
import type { Run } from '../../domain/run.ts';
import type { Schedule } from '../../domain/schedule.ts';
import { ChangeLog } from './changes.ts';

const SWEEP_EVERY_MS = 60_000;

/**
 * What all connections to one memory database share. Whatever touches it does so in one synchronous go: that
 * is the transaction.
 */
export class Database {
  /** Null before somebody prepared the database. */
  lease: Lease | null = null;
  readonly leaseWatchers = new Set<() => void>();
  readonly schedules = new Map<string, Schedule>();
  /** The latest `effective_from` of all schedules that were removed. */
  latestRemovedMs = 0;
  readonly changes = new ChangeLog();
  /** By boot. */
  readonly replicas = new Map<string, Replica>();
  readonly clock: Clock;
  readonly #runs = new Map<string, Run>();
  #latestMs = 0;
  #sweptMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The server's clock. Like a real one's it may stand still, but nothing here could bear its going back. */
  nowMs(): number {
    this.#latestMs = Math.max(this.#latestMs, this.clock.now());
    return this.#latestMs;
  }

  now(): Date {
    return new Date(this.nowMs());
  }

  preparedLease(): Lease {
    if (!this.lease) throw new StoreUnavailable('the store has no lease document: prepare it first');
    return this.lease;
  }

  insertRun(run: Run): void {
    if (this.nowMs() - this.#sweptMs >= SWEEP_EVERY_MS) this.runs();
    this.#runs.set(run.id, structuredClone(run));
  }

  run(id: string): Run | undefined {
    const run = this.#runs.get(id);
    return run && this.#drops(run) ? undefined : run;
  }

  runs(): Run[] {
    this.#sweptMs = this.nowMs();
    return [...this.#runs.values()].filter((run) => !this.#drops(run));
  }

  #drops(run: Run): boolean {
    return run.expire_at !== null && run.expire_at.getTime() <= this.nowMs() && this.#runs.delete(run.id);
  }
}
