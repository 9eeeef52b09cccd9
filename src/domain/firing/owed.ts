/**
 * What a schedule owes: which of its occurrences still have to be claimed, or recorded as not run, after a
 * given moment (G2).
 *
 * A schedule is a row of timings, each in force for `(from, until]`, in order and without overlap: the
 * superseded ones that it still carries, then the present one. A cursor says through which moment they are settled. Pure: who asks, and
 * when, is the scheduler's business.
 */
import { parseDuration } from '../timing/duration.ts';
import type { Mark } from '../leadership/lease.ts';
import {
  countOccurrences,
  newestOccurrences,
  nextOccurrence,
  occurrencesBetween,
  previousOccurrence,
} from '../timing/occurrences.ts';
import { type NotRunReason, type Run, runId } from '../runs/run.ts';
import type { Schedule } from '../schedules/schedule.ts';
import type { BoundedRule, Superseded } from '../timing/timing.ts';

/**
 * More owed at once by one schedule than this: the newest are claimed, the rest is recorded `missed` (G9).
 */
export const MAX_CATCH_UP = 1000;
/** How long a new leader may take from the end of the old lease to its first claim, and any leader for a claim. */
const CLAIM_WITHIN_MS = 1000;

/**
 * What an ordinary takeover delays, and a claim. No occurrence that is late by less is given up, whatever the
 * schedule's policy and its window.
 */
export function graceMs(leaseDurationMs: number): number {
  return leaseDurationMs + CLAIM_WITHIN_MS;
}

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
  /** What fell due this long ago, or before the term began, is late, not lost (`graceMs`). */
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
 * Through which moment a schedule is settled, from what the lease says. Timings that were written after
 * `mirroredThroughMs` may have been unknown to whoever moved `claimedThroughMs`: they count from their own
 * beginning. Not by when they took effect: after the server's clock was set back, what is new begins before the
 * watermark.
 */
export function settledThroughMs(schedule: Schedule, mark: Mark): number {
  const timings = timingsOf(schedule);
  const firstUnknown = timings.find(({ written_at }) => written_at.getTime() > mark.mirroredThroughMs);
  const knownThroughMs = Math.min(mark.claimedThroughMs, firstUnknown?.from.getTime() ?? Infinity);
  return Math.max((timings[0] as TimingInForce).from.getTime(), knownThroughMs);
}

/** One of a schedule's timings: the revision that brought it, and since when. */
export type TimingInForce = Omit<Superseded, keyof BoundedRule | 'until'>;

/** The timings that a schedule carries, oldest first: what is superseded and still owes, then the present one. */
export function timingsOf(schedule: Schedule): TimingInForce[] {
  const { superseded, timing_revision: revision, effective_from: from, written_at } = schedule;
  return [...superseded, { revision, from, written_at }];
}

/** Whether a superseded timing may still owe something, by the mark of its schedule. */
export function stillOwes({ until, written_at }: Superseded, mark: Mark): boolean {
  return until.getTime() > mark.claimedThroughMs || written_at.getTime() > mark.mirroredThroughMs;
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
    draft.notRun(timed(schedule, old), old.from.getTime(), untilMs, 'skipped', 'superseded', old);
  }
  if (!schedule.paused) settlePresent(draft, schedule, by);
  return { runs: draft.runs, cursorMs: draft.cursorMs };
}

function settlePresent(draft: Draft, schedule: Schedule, by: Settler): void {
  const fromMs = schedule.effective_from.getTime();
  const missed = (throughMs: number, reason: NotRunReason) =>
    draft.notRun(schedule, fromMs, throughMs, 'missed', reason, presentTiming(schedule));
  const windowMs = Math.max(parseDuration(schedule.policy.catch_up_window), by.graceMs);
  missed(by.nowMs - windowMs - 1, 'catch_up_window');
  missed(discardedThroughMs(schedule, by), 'catch_up_policy');
  if (draft.isFull) return;
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

/** The revision that a record names, and the one that brought its timing if that is another one. */
interface RecordedTiming {
  revision: number;
  timing_revision?: number;
}

function presentTiming({ revision, timing_revision }: Schedule): RecordedTiming {
  return { revision, timing_revision };
}

type Timed = Parameters<typeof nextOccurrence>[0];

/**
 * A settlement in the making. Once it is full, nothing later is settled: the cursor may not jump over what is
 * left out.
 */
class Draft {
  readonly runs: Run[] = [];
  cursorMs: number;
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
      if (this.isFull) return;
      const trigger = atMs <= this.#by.termBeganMs ? 'catch_up' : 'schedule';
      this.#add({
        atMs,
        trigger,
        state: 'claimed',
        reason: null,
        timing: presentTiming(this.#schedule),
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
    timing: RecordedTiming,
  ): void {
    if (this.isFull) return;
    const record = (sinceMs: number, atMs: number, count: number) =>
      this.#add({ atMs, trigger: 'schedule', state, reason, timing, count, sinceMs });
    const singlyThroughMs = Math.min(throughMs, this.#by.mayBeClaimedThroughMs);
    for (
      const atMs of occurrencesBetween(of, Math.max(this.cursorMs, fromMs), singlyThroughMs, this.#limit)
    ) {
      if (this.isFull) return;
      record(atMs, atMs, 1);
    }
    if (this.isFull) return;
    const afterMs = Math.max(this.cursorMs, fromMs);
    const sinceMs = nextOccurrence(of, afterMs);
    if (sinceMs === null || sinceMs > throughMs) return;
    const counted = countOccurrences(of, afterMs, throughMs);
    record(sinceMs, counted.throughMs, counted.count);
  }

  /** Nothing more is settled this time. */
  get isFull(): boolean {
    return this.runs.length >= this.#limit;
  }

  #add(
    { atMs, trigger, state, reason, timing, count, sinceMs }:
      & Pick<Run, 'trigger' | 'state' | 'reason' | 'count'>
      & {
        atMs: number;
        sinceMs: number;
        timing: RecordedTiming;
      },
  ): void {
    const { replica, boot, term, claimNumber, nowMs } = this.#by;
    const scheduledFor = new Date(atMs);
    const runs = state === 'claimed';
    const now = new Date(nowMs);
    this.runs.push({
      id: runId(this.#schedule.id, scheduledFor),
      schedule_id: this.#schedule.id,
      schedule_revision: timing.revision,
      schedule_created_at: this.#schedule.created_at,
      timing_revision: timing.timing_revision ?? timing.revision,
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
