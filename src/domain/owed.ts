/**
 * What a schedule owes: which of its occurrences still have to be claimed, or recorded as not run, after a
 * given moment (G2).
 *
 * A schedule is a row of definitions, each in force for `(from, until]`: the superseded ones that it still
 * carries, then the present one. A cursor says through which moment they are settled. Pure: who asks, and
 * when, is the scheduler's business.
 */
import { parseDuration } from './duration.ts';
import type { Watermark } from './lease.ts';
import {
  countOccurrences,
  newestOccurrences,
  nextOccurrence,
  occurrencesBetween,
  previousOccurrence,
} from './occurrences.ts';
import { type NotRunReason, type Run, runId } from './run.ts';
import type { Schedule, Superseded } from './schedule.ts';

/**
 * More owed at once by one schedule than this: the newest are claimed, the rest is recorded `missed` (G9).
 */
export const MAX_CATCH_UP = 1000;
/** How many occurrences of one schedule are counted in one go (G9). The count goes on in the next one. */
const MAX_COUNTED = 20_000;

/** Under which leadership, and when, it is settled. */
export interface Settler {
  replica: string;
  boot: string;
  term: number;
  /** How many claims this boot has made before. */
  claimNumber: number;
  /** Server time, epoch ms. */
  nowMs: number;
  /** When the term began, on the server's clock: what fell due up to then is caught up on. */
  termBeganMs: number;
  /** What fell due this long before the term began is late, not lost: the price of an ordinary takeover. */
  graceMs: number;
  /**
   * Occurrences up to here may have a run already, from an earlier term. Each of them gets a record of its
   * own, whose id finds that out; only later ones may be counted together.
   */
  mayBeClaimedThroughMs: number;
}

export interface Settlement {
  runs: Run[];
  /** Settled through here, once the runs are stored. */
  cursorMs: number;
}

/**
 * Through which moment a schedule is settled, from what the lease says. Definitions that took effect after
 * `mirroredThroughMs` may have been unknown to whoever moved `claimedThroughMs`: they count from their own
 * beginning.
 */
export function settledThroughMs(schedule: Schedule, mark: Watermark): number {
  const froms = [...schedule.superseded.map((old) => old.from.getTime()), schedule.effective_from.getTime()];
  const firstUnknownMs = froms.find((fromMs) => fromMs > mark.mirroredThroughMs) ?? Infinity;
  return Math.max(froms[0] as number, Math.min(mark.claimedThroughMs, firstUnknownMs));
}

/** The earliest moment at which something is owed after the cursor; null when nothing ever is. */
export function nextOwedMs(schedule: Schedule, cursorMs: number): number | null {
  for (const old of schedule.superseded) {
    const nextMs = nextOccurrence(timed(schedule, old), Math.max(cursorMs, old.from.getTime()));
    if (nextMs !== null && nextMs <= old.until.getTime()) return nextMs;
  }
  if (schedule.paused) return null;
  return nextOccurrence(schedule, Math.max(cursorMs, schedule.effective_from.getTime()));
}

/**
 * Settles what is owed in (cursor, now], oldest first, in at most about `limit` runs; the rest is for the
 * next time.
 */
export function settle(schedule: Schedule, cursorMs: number, by: Settler, limit: number): Settlement {
  const draft = new Draft(schedule, cursorMs, by, limit);
  for (const old of schedule.superseded) {
    const untilMs = Math.min(old.until.getTime(), by.nowMs);
    draft.notRun(timed(schedule, old), old.from.getTime(), untilMs, 'skipped', 'superseded', old.revision);
  }
  if (!schedule.paused) settlePresent(draft, schedule, by);
  return { runs: draft.runs, cursorMs: draft.cursorMs };
}

function settlePresent(draft: Draft, schedule: Schedule, by: Settler): void {
  const fromMs = schedule.effective_from.getTime();
  const missed = (throughMs: number, reason: NotRunReason) =>
    draft.notRun(schedule, fromMs, throughMs, 'missed', reason, schedule.revision);
  missed(by.nowMs - parseDuration(schedule.policy.catch_up_window) - 1, 'catch_up_window');
  missed(discardedThroughMs(schedule, by), 'catch_up_policy');
  const newest = newestOccurrences(schedule, Math.max(draft.cursorMs, fromMs), by.nowMs, MAX_CATCH_UP);
  if (newest.length === MAX_CATCH_UP) missed((newest[0] as number) - 1, 'catch_up_limit');
  draft.claim(newest);
}

/** What the catch-up policy gives up of the time without a leader. */
function discardedThroughMs(schedule: Schedule, by: Settler): number {
  const lateThroughMs = by.termBeganMs - by.graceMs;
  switch (schedule.policy.catch_up) {
    case 'all':
      return -Infinity;
    case 'none':
      return lateThroughMs;
    case 'latest':
      return (previousOccurrence(schedule, lateThroughMs) ?? -Infinity) - 1;
  }
}

function timed(schedule: Schedule, old: Superseded) {
  return { ...old, created_at: schedule.created_at };
}

type Timed = Parameters<typeof nextOccurrence>[0];

/**
 * A settlement in the making. Once it is full, nothing later is settled: the cursor may not jump over what is
 * left out.
 */
class Draft {
  readonly runs: Run[] = [];
  cursorMs: number;
  #full = false;
  readonly #schedule: Schedule;
  readonly #by: Settler;
  readonly #limit: number;

  constructor(schedule: Schedule, cursorMs: number, by: Settler, limit: number) {
    this.#schedule = schedule;
    this.cursorMs = cursorMs;
    this.#by = by;
    this.#limit = limit;
  }

  claim(occurrencesMs: number[]): void {
    for (const atMs of occurrencesMs) {
      if (this.#isFull()) return;
      const trigger = atMs <= this.#by.termBeganMs ? 'catch_up' : 'schedule';
      this.#add({
        atMs,
        trigger,
        state: 'claimed',
        reason: null,
        revision: this.#schedule.revision,
        count: 1,
        sinceMs: atMs,
      });
    }
  }

  /**
   * Records the occurrences in (from, through] that the cursor has not passed: one by one where one may have
   * run already, else together.
   */
  notRun(
    of: Timed,
    fromMs: number,
    throughMs: number,
    state: 'skipped' | 'missed',
    reason: NotRunReason,
    revision: number,
  ): void {
    const record = (sinceMs: number, atMs: number, count: number) =>
      this.#add({ atMs, trigger: 'schedule', state, reason, revision, count, sinceMs });
    const singlyThroughMs = Math.min(throughMs, this.#by.mayBeClaimedThroughMs);
    for (
      const atMs of occurrencesBetween(of, Math.max(this.cursorMs, fromMs), singlyThroughMs, this.#limit)
    ) {
      if (this.#isFull()) return;
      record(atMs, atMs, 1);
    }
    if (this.#isFull()) return;
    const afterMs = Math.max(this.cursorMs, fromMs);
    const sinceMs = nextOccurrence(of, afterMs);
    if (sinceMs === null || sinceMs > throughMs) return;
    const counted = countOccurrences(of, afterMs, throughMs, MAX_COUNTED);
    record(sinceMs, counted.throughMs, counted.count);
    if (counted.count === MAX_COUNTED) this.#full = true;
  }

  #isFull(): boolean {
    return this.#full ||= this.runs.length >= this.#limit;
  }

  #add(
    { atMs, trigger, state, reason, revision, count, sinceMs }:
      & Pick<Run, 'trigger' | 'state' | 'reason' | 'count'>
      & {
        atMs: number;
        sinceMs: number;
        revision: number;
      },
  ): void {
    const { replica, boot, term, claimNumber, nowMs } = this.#by;
    const scheduledFor = new Date(atMs);
    const runs = state === 'claimed';
    const now = new Date(nowMs);
    this.runs.push({
      id: runId(this.#schedule.id, scheduledFor),
      schedule_id: this.#schedule.id,
      schedule_revision: revision,
      schedule_created_at: this.#schedule.created_at,
      scheduled_for: scheduledFor,
      trigger,
      state,
      reason,
      attempt: runs ? 1 : 0,
      executor: replica,
      executor_boot: boot,
      term,
      claimed_at: now,
      claim_number: claimNumber,
      started_at: null,
      finished_at: runs ? null : now,
      lateness_ms: nowMs - atMs,
      error: null,
      output: null,
      count,
      since: new Date(sinceMs),
      expire_at: runs ? null : new Date(nowMs + parseDuration(this.#schedule.history.failure)),
    });
    this.cursorMs = atMs;
  }
}
