import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ClaimBatch, ClaimRequest, ClaimResult } from '../../src/actors/firing/claimStore.ts';
import type { FeedObserver, ScheduleChange } from '../../src/actors/schedules/scheduleFeed.ts';
import type { Store } from '../../src/actors/store.ts';
import type { Candidate, Grant, Lease } from '../../src/domain/leadership/lease.ts';
import type { Watermark } from '../../src/domain/leadership/watermark.ts';
import { type Outcome, type Run, runId } from '../../src/domain/runs/run.ts';
import type { Schedule, ScheduleSpec } from '../../src/domain/schedules/schedule.ts';
import { understood } from '../support/schedules.ts';

/** A new, empty database. */
export interface TestDatabase {
  /** One more replica's store. */
  connect(): Store;
  /** Closes all of them. */
  close(): Promise<void>;
}

export type OpenDatabase = () => Promise<TestDatabase>;

/**
 * A case: gets a prepared store on a database of its own, and more stores on the same database from
 * `connect`.
 */
export type Case = (store: Store, connect: () => Store) => Promise<void>;

export type Test = (name: string, body: Case) => void;

export function testOn(open: OpenDatabase): Test {
  return (name, body) => {
    it(name, { timeout: 30_000 }, async () => {
      const database = await open();
      try {
        const store = database.connect();
        await store.prepare();
        await body(store, () => database.connect());
      } finally {
        await database.close();
      }
    });
  };
}

/** Long enough for nothing to run out while a test runs. */
export const LONG_MS = 60_000;

export const NO_MARK: Watermark = { claimedThroughMs: 0, mirroredThroughMs: 0 };

export function candidate(name: string): Candidate {
  return { holder: name, boot: `boot-${name}`, address: `http://${name}:8080` };
}

/** Takes the lease, which must be free. */
export async function lead(
  store: Store,
  name: string,
  durationMs = LONG_MS,
): Promise<{ grant: Grant; lease: Lease }> {
  const won = await store.lease.acquire(candidate(name), durationMs, null);
  assert.ok(won, `${name} could not take the lease`);
  const { lease } = won;
  return { grant: { holder: name, boot: `boot-${name}`, term: lease.term }, lease };
}

/** Repeats a call until it answers with something: for what comes with the server's time and tells nobody. */
export async function eventually<T>(call: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const answer = await call();
    if (answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const SPEC: ScheduleSpec = {
  type: 'cron',
  definition: { cron_expression: '* * * * *', timezone: 'UTC' },
  paused: false,
  action: { type: 'log' },
  policy: { catch_up: 'all', catch_up_window: '60s', on_executor_loss: 'retry' },
  history: { success: '24h', failure: '168h' },
};

export function interval(interval: string): ScheduleSpec {
  const { definition: _, ...rest } = SPEC;
  return { ...rest, type: 'duration', definition: { interval } };
}

export async function create(store: Store, id: string, spec: ScheduleSpec = SPEC): Promise<Schedule> {
  const schedule = await store.schedules.create(id, spec);
  assert.ok(schedule !== 'conflict', `${id} exists`);
  return schedule;
}

/** A definition with another timing each time. */
export function another(): ScheduleSpec {
  return interval(`${++timings}h`);
}
let timings = 0;

/** Replaces a schedule, which must be possible. */
export async function replace(store: Store, id: string, spec: ScheduleSpec): Promise<Schedule> {
  return understood(await store.schedules.replace(id, spec));
}

/** A nominal time: so many seconds into 2030. */
export function at(second: number): Date {
  return new Date(Date.UTC(2030, 0, 1) + second * 1000);
}

export function claimed(scheduleId: string, second: number, grant: Grant, changes: Partial<Run> = {}): Run {
  const scheduledFor = at(second);
  return {
    id: runId(scheduleId, scheduledFor),
    schedule_id: scheduleId,
    schedule_revision: 1,
    scheduled_for: scheduledFor,
    trigger: 'schedule',
    state: 'claimed',
    reason: null,
    attempt: 1,
    executor: grant.holder,
    executor_boot: grant.boot,
    term: grant.term,
    claimed_at: at(second),
    claim_number: 1,
    started_at: null,
    finished_at: null,
    lateness_ms: 0,
    error: null,
    output: null,
    count: 1,
    since: scheduledFor,
    expire_at: null,
    ...changes,
  };
}

export function request(schedule: Schedule, runs: Run[]): ClaimRequest {
  return {
    scheduleId: schedule.id,
    revision: schedule.revision,
    effectiveFrom: schedule.effective_from,
    owedFromMs: 0,
    runs,
  };
}

export function batch(grant: Grant, requests: ClaimRequest[], changes: Partial<ClaimBatch> = {}): ClaimBatch {
  return {
    grant,
    durationMs: LONG_MS,
    requests,
    marks: { present: NO_MARK, settled: NO_MARK },
    mayBeClaimed: false,
    nowMs: 0,
    ...changes,
  };
}

/** What a claim that must not be fenced says, with the ids of its runs. */
export function committed(result: ClaimResult) {
  assert.equal(result.kind, 'committed');
  const { lease, runs, duplicates, stale } = result as Extract<ClaimResult, { kind: 'committed' }>;
  return { lease, runs: runs.map((run) => run.id), duplicates, stale };
}

/** How a run ended well. */
export function outcomeOf(run: Run, changes: Partial<Outcome> = {}): Outcome {
  return {
    run_id: run.id,
    schedule_id: run.schedule_id,
    attempt: run.attempt,
    executor_boot: run.executor_boot as string,
    state: 'succeeded',
    started_at: at(1),
    finished_at: at(2),
    lateness_ms: 3,
    error: null,
    output: 'done',
    expire_at: at(86_400),
    ...changes,
  };
}

/** Remembers what a feed tells, and lets a test wait for it. */
export class Recorder implements FeedObserver {
  readonly changes: ScheduleChange[] = [];
  readonly progressMs: number[] = [];
  failure: { error: Error; resumable: boolean } | null = null;
  #waiting: (() => void)[] = [];

  change(change: ScheduleChange): void {
    this.changes.push(change);
    this.#wake();
  }

  progress(throughMs: number): void {
    this.progressMs.push(throughMs);
    this.#wake();
  }

  failed(error: Error, resumable: boolean): void {
    this.failure = { error, resumable };
    this.#wake();
  }

  /** Resolves when the condition holds, looked at after each thing told. */
  async until(holds: (recorder: this) => boolean): Promise<void> {
    while (!holds(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The changes so far, in short: `upsert id revision`. */
  story(): string[] {
    return this.changes.map((change) =>
      change.kind === 'upsert'
        ? `upsert ${change.schedule.id} ${change.schedule.revision}`
        : change.kind === 'delete'
        ? `delete ${change.id}`
        : change.kind
    );
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
