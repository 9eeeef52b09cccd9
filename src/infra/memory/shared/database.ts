import type { LeaseHint } from '../../../actors/leadership/leaseStore.ts';
import type { ScheduleChange } from '../../../actors/schedules/scheduleFeed.ts';
import type { Clock } from '../../../actors/shared/environment.ts';
import { LeaseMissing } from '../../../actors/shared/storeErrors.ts';
import type { ClusterEvent } from '../../../domain/events/event.ts';
import type { Term } from '../../../domain/leadership/term.ts';
import type { Lease } from '../../../domain/leadership/lease.ts';
import type { SetBack } from '../../../domain/leadership/setBack.ts';
import type { Presence } from '../../../domain/membership/replica.ts';
import type { Backfill } from '../../../domain/runs/backfill.ts';
import { ENDED_STATES, OPEN_STATES, type Run } from '../../../domain/runs/run.ts';
import type { Schedule } from '../../../domain/schedules/schedule.ts';
import { ChangeLog } from './changes.ts';

const SWEEP_EVERY_MS = 60_000;

/**
 * The state that all connections to one memory database share. Each access is one synchronous step:
 * that is the transaction.
 */
export class Database {
  /** Null before the database is prepared. */
  lease: Lease | null = null;
  /** The last set-back of the clock that was emitted as an event. */
  reportedSetBack: SetBack | null = null;
  /** Boot by hint callback. */
  readonly leaseWatchers = new Map<(hint: LeaseHint) => void, string>();
  readonly schedules = new Map<string, Schedule>();
  /** The latest `effective_from` of all removed schedules. */
  latestRemovedMs = 0;
  readonly changes = new ChangeLog<ScheduleChange>();
  readonly events = new ChangeLog<ClusterEvent>();
  /** Distinguishes positions in these events from those of another database. */
  readonly since: string;
  /** By boot. */
  readonly replicas = new Map<string, Presence>();
  readonly terms = new Map<number, Term>();
  /** Occurrences claimed, by `tallyId`, of schedules that have a limit. */
  readonly claimedRuns = new Map<string, number>();
  readonly clock: Clock;
  readonly #backfills = new Map<string, Backfill>();
  readonly #runs = new Map<string, Run>();
  /** All open runs, and some that have ended since. */
  readonly #open = new Set<Run>();
  #latestMs = 0;
  #ids: string[] = [];
  /** The position at which `#ids` was sorted. */
  #idsAsOf = -1;
  #sweptMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.since = this.now().toISOString();
  }

  /** The server's clock. Like a real one, it may be set. */
  nowMs(): number {
    return this.clock.now();
  }

  /** The clock of `written_at` and of stream progress: the server's, but it never goes back. */
  historyMs(nowMs = this.nowMs()): number {
    this.#latestMs = Math.max(this.#latestMs, nowMs);
    return this.#latestMs;
  }

  now(): Date {
    return new Date(this.nowMs());
  }

  /** Schedules with later ids, by id. Sorting for each page of a list would take longer than reading. */
  *schedulesAfter(id: string): Generator<Schedule> {
    if (this.#idsAsOf !== this.changes.end) {
      this.#ids = [...this.schedules.keys()].sort();
      this.#idsAsOf = this.changes.end;
    }
    let low = 0;
    for (let high = this.#ids.length; low < high;) {
      const middle = (low + high) >>> 1;
      if ((this.#ids[middle] as string) <= id) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#ids.length; low++) yield this.schedules.get(this.#ids[low] as string) as Schedule;
  }

  preparedLease(): Lease {
    if (!this.lease) throw new LeaseMissing();
    return this.lease;
  }

  hint(hint: LeaseHint): void {
    for (const tell of [...this.leaseWatchers.keys()]) tell(hint);
  }

  insertRun(run: Run): void {
    if (Math.abs(this.nowMs() - this.#sweptMs) >= SWEEP_EVERY_MS) this.runs();
    const stored = structuredClone(run);
    this.#runs.set(run.id, stored);
    this.#open.add(stored);
    this.emitIfEnded(stored);
  }

  /** Call after each change of a run's state. */
  emitIfEnded(run: Run): void {
    if (ENDED_STATES.includes(run.state)) this.events.append({ type: 'run', run });
  }

  run(id: string): Run | undefined {
    const run = this.#runs.get(id);
    return run && this.#drops(run) ? undefined : run;
  }

  /** Open runs of one life of a schedule that count for overlaps. */
  overlapping(scheduleId: string, createdAt: Date | undefined): Run[] {
    return this.openRuns().filter((run) =>
      run.schedule_id === scheduleId && run.overlap !== null &&
      run.schedule_created_at?.getTime() === createdAt?.getTime()
    );
  }

  openRuns(): Run[] {
    for (const run of this.#open) if (!OPEN_STATES.includes(run.state)) this.#open.delete(run);
    return [...this.#open];
  }

  runs(): Run[] {
    this.#sweptMs = this.nowMs();
    this.openRuns();
    return [...this.#runs.values()].filter((run) => !this.#drops(run));
  }

  putBackfill(backfill: Backfill): void {
    this.#backfills.set(backfill.id, backfill);
  }

  backfill(id: string): Backfill | undefined {
    return this.backfills().find((backfill) => backfill.id === id);
  }

  backfills(): Backfill[] {
    for (const { id, expire_at } of this.#backfills.values()) {
      if (expire_at !== null && expire_at.getTime() <= this.nowMs()) this.#backfills.delete(id);
    }
    return [...this.#backfills.values()];
  }

  #drops(run: Run): boolean {
    return run.expire_at !== null && run.expire_at.getTime() <= this.nowMs() && this.#runs.delete(run.id);
  }
}
