import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ClaimBatch, ClaimRequest, ClaimResult } from '../../src/actors/firing/claimStore.ts';
import type { FeedObserver, ScheduleChange } from '../../src/actors/schedules/scheduleFeed.ts';
import type { Store } from '../../src/actors/store.ts';
import type { Candidate, Grant, Lease } from '../../src/domain/leadership/lease.ts';
import type { Outcome } from '../../src/domain/runs/outcome.ts';
import { type Run, workNow } from '../../src/domain/runs/run.ts';
import type { Policy } from '../../src/domain/schedules/policy.ts';
import type { Schedule, ScheduleSpec } from '../../src/domain/schedules/schedule.ts';
import { DEFAULT_WORK, everySpec } from '../../harness/definitions.ts';
import { NO_MARK } from '../support/leases.ts';
import * as runs from '../support/runs.ts';
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

/** Repeats a call until its result is not null: for changes by the server's clock, which send no notification. */
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
  ...DEFAULT_WORK,
};

export async function create(store: Store, id: string, spec: ScheduleSpec = SPEC): Promise<Schedule> {
  const schedule = await store.schedules.create(id, spec);
  assert.ok(schedule !== 'conflict', `${id} exists`);
  return schedule;
}

/** A definition with another timing each time. */
export function another(): ScheduleSpec {
  return everySpec(`${++timings}h`);
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

/** The run of the occurrence at that second, claimed under the grant. */
export function claimed(scheduleId: string, second: number, grant: Grant, changes: Partial<Run> = {}): Run {
  const { holder: executor, boot: executor_boot, term } = grant;
  return runs.claimed(scheduleId, at(second).getTime(), { executor, executor_boot, term, ...changes });
}

/** As `claimed`, with all that the schedule says. */
export function occurrence(
  schedule: Schedule,
  second: number,
  grant: Grant,
  changes: Partial<Run> = {},
): Run {
  const { id, revision, timing_revision, created_at, policy: { overlap } } = schedule;
  return claimed(id, second, grant, {
    schedule_revision: revision,
    schedule_created_at: created_at,
    timing_revision,
    overlap: overlap === 'allow' ? null : overlap,
    work: workNow(schedule),
    ...changes,
  });
}

/** Of a run without an executor. */
export const UNOWNED = { attempt: 0, executor: null, executor_boot: null } as const;

/** The definition of a schedule with that policy. */
export function withPolicy(policy: Partial<Policy>, more: Partial<ScheduleSpec> = {}): ScheduleSpec {
  return { ...SPEC, policy: { ...SPEC.policy, ...policy }, ...more } as ScheduleSpec;
}

export function request(schedule: Schedule, runs: Run[]): ClaimRequest {
  return {
    scheduleId: schedule.id,
    revision: schedule.revision,
    effectiveFrom: schedule.effective_from,
    owedFromMs: 0,
    runs,
    maxRuns: schedule.max_runs ?? null,
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

/** Claims these runs of one schedule: they have to be ours. */
export async function claim(store: Store, grant: Grant, schedule: Schedule, ...wanted: Run[]) {
  const result = await store.claims.claim(batch(grant, [request(schedule, wanted)]));
  assert.ok(result.kind === 'committed', result.kind);
  assert.deepEqual([result.stale, result.duplicates], [[], []]);
  return result;
}

/** The success of a run, with fixed times. */
export function outcomeOf(run: Run, changes: Partial<Outcome> = {}): Outcome {
  const times = { started_at: at(1), finished_at: at(2), expire_at: at(86_400) };
  return runs.outcomeOf(run, { ...times, lateness_ms: 3, output: 'done', ...changes });
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
