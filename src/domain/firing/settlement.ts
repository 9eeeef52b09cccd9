/**
 * Settles what a schedule owes: the runs that claim its occurrences, and the records of those that are
 * not run (G2). Pure: the due queue decides when, and the claim whether it becomes durable.
 */
import { type NotRunReason, type Run, runId, workNow } from '../runs/run.ts';
import { jitterMs } from '../timing/jitter.ts';
import type { Schedule } from '../schedules/schedule.ts';
import { parseDuration } from '../timing/duration.ts';
import {
  countOccurrences,
  newestOccurrences,
  nextOccurrence,
  occurrencesBetween,
  previousOccurrence,
  type Timed,
} from '../timing/occurrences.ts';
import { owesFromMs, timed } from './owed.ts';

/** Caught up at once per schedule: the newest are claimed, the rest is recorded `missed` (G9). */
export const MAX_CATCH_UP = 1000;
/** Time allowed from the old lease's end to a new leader's first claim, and for any leader's claim. */
const CLAIM_WITHIN_MS = 1000;

/**
 * The delay of an ordinary takeover and a claim. An occurrence that is late by less is claimed,
 * whatever the schedule's policy and window.
 */
export function graceMs(leaseDurationMs: number): number {
  return leaseDurationMs + CLAIM_WITHIN_MS;
}

/** The replica that settles, under which grant and at which time. */
export interface Settler {
  replica: string;
  boot: string;
  term: number;
  /** Number of earlier claims of this boot. */
  claimNumber: number;
  /** Server time, epoch ms. */
  nowMs: number;
  /** Start of the term, server time: what fell due up to then is catch-up. Epoch ms. */
  termBeganMs: number;
  /** What fell due no longer ago than this, or than this before the term began, is claimed late (`graceMs`). */
  graceMs: number;
  /**
   * Occurrences through here may have a run of an earlier term. Each gets a record of its own,
   * whose id reveals that run; only later ones may share a record.
   */
  mayBeClaimedThroughMs: number;
}

export interface Settlement {
  runs: Run[];
  /** Settled through here, once the runs are stored. */
  cursorMs: number;
}

/**
 * Settles what is owed in (cursor, now], oldest first, in at most about `limit` runs; the next
 * settlement takes the rest.
 */
export function settle(schedule: Schedule, cursorMs: number, by: Settler, limit: number): Settlement {
  const draft = new Draft(schedule, cursorMs, by, limit);
  for (const old of schedule.superseded) {
    const untilMs = Math.min(old.until.getTime(), by.nowMs);
    draft.notRun(timed(schedule, old), old.from.getTime(), untilMs, 'skipped', 'superseded', old);
  }
  if (owesFromMs(schedule) < by.nowMs) settlePresent(draft, schedule, by);
  return { runs: draft.runs, cursorMs: draft.cursorMs };
}

function settlePresent(draft: Draft, schedule: Schedule, by: Settler): void {
  const fromMs = owesFromMs(schedule);
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

/** Epoch ms through which the catch-up policy discards occurrences. */
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

/** The revision in a record, and that of its timing if it is another one. */
interface RecordedTiming {
  revision: number;
  timing_revision?: number;
}

function presentTiming({ revision, timing_revision }: Schedule): RecordedTiming {
  return { revision, timing_revision };
}

/**
 * A settlement under construction. Once full, it settles nothing later: the cursor must not skip
 * what is left out.
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
   * Records the occurrences in (from, through] after the cursor: one by one where a run may exist
   * already, else in one record.
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

  /** Whether `limit` is reached. */
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
    const { id, jitter, policy: { overlap } } = this.#schedule;
    const delayMs = runs && jitter !== undefined ? jitterMs(id, atMs, parseDuration(jitter)) : 0;
    const availableAt = new Date(atMs + delayMs);
    const isLater = runs && availableAt > now;
    this.runs.push({
      id: runId(id, scheduledFor),
      schedule_id: id,
      schedule_revision: timing.revision,
      schedule_created_at: this.#schedule.created_at,
      timing_revision: timing.timing_revision ?? timing.revision,
      scheduled_for: scheduledFor,
      available_at: availableAt,
      trigger,
      state,
      reason,
      waiting_for: isLater ? 'jitter' : null,
      attempt: runs && !isLater ? 1 : 0,
      attempts: [],
      failures: 0,
      losses: 0,
      is_last_attempt: false,
      overlap: runs && overlap !== 'allow' ? overlap : null,
      work: runs ? workNow(this.#schedule) : null,
      executor: isLater ? null : replica,
      executor_boot: isLater ? null : boot,
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
