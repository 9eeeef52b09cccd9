/**
 * The audit of lives: each run went through its attempts one after the other and as often as its policy says, the
 * runs of a schedule that is against overlaps did not overlap, and each backfill has made its runs. Pure.
 */
import type { RecordedRun } from './audit.ts';
import {
  BACKFILL_SIZE,
  BACKFILLED,
  MAX_ATTEMPTS,
  MAX_REQUESTS,
  ONE_AT_A_TIME,
  TIMED_OUT_ATTEMPTS,
  WEBHOOK_ID,
} from './steady.ts';

/** An ended attempt, as a run's record has it. */
export interface RecordedAttempt {
  number: number;
  started_at: Date | null;
  finished_at: Date;
  state: string;
}

export interface RecordedBackfill {
  _id: string;
  state: string;
  total: number;
  created: number;
  already_run: number;
}

/** Replicas measure the server's clock, and are off by at most a round trip. */
const CLOCK_TOLERANCE_MS = 500;
const UNSUCCESSFUL = ['failed', 'timed_out'];

/** Attempts that end each run of these schedules when all of them are unsuccessful. */
const ALLOWED = new Map([
  ['retry-300ms', MAX_ATTEMPTS],
  ['timeout-2s', TIMED_OUT_ATTEMPTS],
  [WEBHOOK_ID, MAX_REQUESTS],
]);

/** Violations, as sentences. */
export function checkLives(runs: readonly RecordedRun[]): string[] {
  const found = runs.flatMap((run) => [...checkAttempts(run)]);
  for (const id of ONE_AT_A_TIME) {
    const own = runs.filter(({ schedule_id }) => schedule_id === id);
    found.push(...checkOverlaps(own), ...checkOrder(own));
  }
  return found;
}

/** The first of a run's attempts that began. */
function begunAt({ attempts = [] }: RecordedRun): Date | undefined {
  return attempts.find(({ started_at }) => started_at !== null)?.started_at ?? undefined;
}

function* checkAttempts({ _id, schedule_id, state, attempts = [] }: RecordedRun): Generator<string> {
  for (const [index, next] of attempts.slice(1).entries()) {
    const before = attempts[index] as RecordedAttempt;
    if (next.number <= before.number) {
      yield `${_id}: attempt ${next.number} is recorded after attempt ${before.number}`;
    }
    if (['succeeded', 'cancelled'].includes(before.state)) {
      yield `${_id}: attempt ${next.number} follows one that has ${before.state}`;
    }
    if (
      before.state !== 'lost' && next.started_at !== null && isBefore(next.started_at, before.finished_at)
    ) {
      yield `${_id}: attempt ${next.number} began before attempt ${before.number} had ended`;
    }
  }
  const allowed = ALLOWED.get(schedule_id) ?? 1;
  const failures = attempts.filter((attempt) => UNSUCCESSFUL.includes(attempt.state)).length;
  if (failures > allowed) yield `${_id}: ${failures} unsuccessful attempts, of ${allowed}`;
  if (UNSUCCESSFUL.includes(state) && failures < allowed) {
    yield `${_id}: ${state} after ${failures} unsuccessful attempts, of ${allowed}`;
  }
  if (state === 'succeeded' && attempts.length > 0 && attempts.at(-1)?.state !== 'succeeded') {
    yield `${_id}: succeeded, and its last attempt has ${attempts.at(-1)?.state}`;
  }
}

/** An attempt whose executor was taken for dead may have gone on. */
function* checkOverlaps(runs: readonly RecordedRun[]): Generator<string> {
  const begun = runs.flatMap(({ _id, attempts = [] }) =>
    attempts.flatMap(({ started_at, finished_at, state }) =>
      started_at === null || state === 'lost' ? [] : [{ _id, started_at, finished_at }]
    )
  ).sort((a, b) => +a.started_at - +b.started_at);
  for (const [index, next] of begun.slice(1).entries()) {
    const before = begun[index] as typeof next;
    if (isBefore(next.started_at, before.finished_at)) {
      yield `${next._id} began before ${before._id} had ended, ${+before.finished_at - +next.started_at} ms`;
    }
  }
}

function* checkOrder(runs: readonly RecordedRun[]): Generator<string> {
  const begun = runs.flatMap((run) => {
    const at = begunAt(run);
    return at === undefined ? [] : [{ run, at }];
  }).sort((a, b) => +a.run.scheduled_for - +b.run.scheduled_for);
  for (const [index, { run, at }] of begun.slice(1).entries()) {
    const before = begun[index] as (typeof begun)[number];
    if (isBefore(at, before.at)) yield `${run._id} began before ${before.run._id}`;
  }
}

/** `requested`: ids of the backfills whose creation was acknowledged. */
export function checkBackfills(
  requested: readonly string[],
  backfills: readonly RecordedBackfill[],
  runs: readonly RecordedRun[],
): string[] {
  const found: string[] = [];
  const own = runs.filter(({ backfill_id }) => backfill_id !== undefined);
  for (const id of requested) {
    if (!backfills.some(({ _id }) => _id === id)) found.push(`backfill ${id}: acknowledged, and not stored`);
  }
  for (const { _id, state, total, created, already_run } of backfills) {
    const made = own.filter(({ backfill_id }) => backfill_id === _id).length;
    if (
      state !== 'completed' || total !== BACKFILL_SIZE || made !== created || created + already_run !== total
    ) {
      found.push(
        `backfill ${_id}: ${state}, ${created} runs and ${already_run} that were there, of ${total}; ${made} stored`,
      );
    }
  }
  const times = own.map(({ scheduled_for }) => scheduled_for.getTime());
  if (new Set(times).size < times.length) found.push(`${BACKFILLED.id}: an occurrence was backfilled twice`);
  return found;
}

/** By more than the replicas' measure of time can be off. */
function isBefore(a: Date, b: Date): boolean {
  return a.getTime() < b.getTime() - CLOCK_TOLERANCE_MS;
}
