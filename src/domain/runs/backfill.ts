/**
 * Backfill: runs of a schedule's occurrences in a range of the past, oldest first, a few at a time. The document
 * holds all that it takes to go on, on any replica: a snapshot of the definition, and how far it has come.
 *
 * Each step is one transaction. It inserts only runs of occurrences that the leader has settled, or never owes:
 * so no claim finds an occurrence that a backfill has taken.
 */
import type { Overlap } from '../schedules/policy.ts';
import type { Schedule } from '../schedules/schedule.ts';
import { countOccurrences, occurrencesBetween, type Timed } from '../timing/occurrences.ts';
import { parseDuration } from '../timing/duration.ts';
import { momentAt } from '../timing/moments.ts';
import type { BackfillRequest } from './backfillRequest.ts';
import type { RunChange } from './life.ts';
import { overlapping } from './overlap.ts';
import { requested } from './request.ts';
import { isUnowned, type Run, runId, type RunState, type RunWork, workNow } from './run.ts';

export type BackfillState = 'running' | 'completed' | 'cancelled';

export interface Backfill {
  id: string;
  schedule_id: string;
  /** Distinguishes its schedule from others of the same id. */
  schedule_created_at: Date;
  schedule_revision: number;
  timing_revision: number;
  /** Occurrences from `from` (inclusive) to `to` (exclusive). */
  from: Date;
  to: Date;
  /** Its open runs, at most. */
  max_concurrent: number;
  /** How its runs overlap with others of the schedule. The schedule's policy does not apply. */
  overlap: Overlap;
  /** Whether occurrences that have had a run get another one. */
  again: boolean;
  /** The definition, and what runs do, as they were at its creation. Never sent. */
  rule: Timed;
  work: RunWork;
  state: BackfillState;
  /** Occurrences in the range. */
  total: number;
  /** Occurrences through here are handled. Never sent. */
  cursor: Date;
  /** Runs that it has made, those `skipped` because of an overlap included. */
  created: number;
  /** Occurrences that had a run already. */
  already_run: number;
  created_at: Date;
  finished_at: Date | null;
  /** When the record may be deleted; null while it is running. */
  expire_at: Date | null;
}

/** Occurrences of one backfill, at most (G9). */
export const MAX_BACKFILLED = 10_000;
/** Occurrences handled in one step, at most (G9). */
export const MAX_STEP = 200;
/** Retention after the end. */
export const BACKFILL_KEPT_MS = parseDuration('720h');
/** Tag of the run of an occurrence that has a record of its own, and was not run. */
const RUN_AFTER_ALL = 'backfill';

/** The backfill of the schedule as it is now. `atMs`: server time. */
export function backfillOf(schedule: Schedule, request: BackfillRequest, id: string, atMs: number): Backfill {
  const { from, to, max_concurrent, overlap, again } = request;
  const total = countOccurrences(schedule, from.getTime() - 1, to.getTime() - 1).count;
  return {
    id,
    schedule_id: schedule.id,
    schedule_created_at: schedule.created_at,
    schedule_revision: schedule.revision,
    timing_revision: schedule.timing_revision,
    ...{ from, to, max_concurrent, overlap, again },
    rule: ruleOf(schedule, total === 0 ? null : request),
    work: workNow(schedule),
    state: 'running',
    total,
    cursor: new Date(from.getTime() - 1),
    created: 0,
    already_run: 0,
    created_at: new Date(Math.max(Math.ceil(atMs), schedule.created_at.getTime())),
    finished_at: null,
    expire_at: null,
  };
}

/** The schedule's rule, with no moments outside of the range: there may be thousands. */
function ruleOf(schedule: Schedule, range: Pick<Backfill, 'from' | 'to'> | null): Timed {
  const { start_at, end_at, created_at } = schedule;
  const bounds = { ...(start_at && { start_at }), ...(end_at && { end_at }), created_at };
  if (schedule.type === 'at_times' && range !== null) {
    const { times } = schedule.definition;
    const inRange = [...times.keys()].map((index) => new Date(momentAt(times, index)))
      .filter((at) => at >= range.from && at < range.to);
    return { type: 'at_times', definition: { times: inRange }, ...bounds };
  }
  const { type, definition } = schedule;
  return { type, definition, ...bounds } as Timed;
}

/** The occurrences that the next step may handle, epoch ms. */
export function upcomingOf({ rule, cursor, to }: Backfill, limit = MAX_STEP): number[] {
  return occurrencesBetween(rule, cursor.getTime(), to.getTime() - 1, limit);
}

/** Ids of the records that tell whether an occurrence has had its run. */
export function recordIds({ id, schedule_id, again }: Backfill, atMs: number): string[] {
  const own = runId(schedule_id, new Date(atMs));
  return again ? [`${own}~${id}`] : [own, `${own}~${RUN_AFTER_ALL}`];
}

/** The state of the stored record of this id, if there is one. */
export type StateOf = (id: string) => RunState | undefined;

/**
 * The id of the occurrence's run that is yet to be made; null when there is one. A record that it was missed or
 * skipped is no run.
 */
export function missingRunId(backfill: Backfill, atMs: number, stateOf: StateOf): string | null {
  const [own, other] = recordIds(backfill, atMs) as [string, string?];
  const state = stateOf(own);
  if (state === undefined) return own;
  const wasNotRun = state === 'missed' || state === 'skipped';
  return wasNotRun && other !== undefined && stateOf(other) === undefined ? other : null;
}

/** What a step finds in the store. */
export interface Found {
  /** Number of its open runs. */
  open: number;
  /** Open runs of the schedule that count for overlaps. */
  overlapping: readonly Run[];
  stateOf: StateOf;
  /** Epoch ms through which the schedule's occurrences are settled. */
  settledThroughMs: number;
  /** Server time. */
  at: Date;
}

export interface BackfillStep {
  insert: Run[];
  /** What becomes of other runs of the schedule. */
  changes: RunChange[];
  set: Partial<Backfill>;
  /** Whether another step can follow at once. */
  hasMore: boolean;
}

/** The next step of a running backfill; null when there is nothing to do now. */
export function nextStep(backfill: Backfill, found: Found): BackfillStep | null {
  const upcoming = upcomingOf(backfill);
  const step: BackfillStep = { insert: [], changes: [], set: {}, hasMore: false };
  let { created, already_run } = backfill;
  let { open } = found;
  let handled = 0;
  for (const atMs of upcoming) {
    if (atMs > found.settledThroughMs) break;
    const id = missingRunId(backfill, atMs, found.stateOf);
    if (id !== null) {
      if (open >= backfill.max_concurrent) break;
      const decided = overlapping(runOf(backfill, id, atMs, found.at), found.overlapping, found.at);
      step.insert.push(decided.run);
      step.changes.push(...decided.changes);
      if (isUnowned(decided.run)) open++;
      created++;
    } else already_run++;
    handled++;
  }
  const isAllHandled = handled === upcoming.length && upcoming.length < MAX_STEP;
  const isCompleted = isAllHandled && open === 0;
  if (handled === 0 && !isCompleted) return null;
  const cursor = handled === 0 ? backfill.cursor : new Date(upcoming[handled - 1] as number);
  step.set = { cursor, created, already_run, ...(isCompleted && finished('completed', found.at)) };
  step.hasMore = handled === MAX_STEP;
  return step;
}

/** What ends a backfill. */
export function finished(state: Exclude<BackfillState, 'running'>, at: Date) {
  return { state, finished_at: at, expire_at: new Date(at.getTime() + BACKFILL_KEPT_MS) };
}

function runOf(backfill: Backfill, id: string, atMs: number, at: Date): Run {
  const { schedule_id, schedule_revision, schedule_created_at, timing_revision, overlap, work } = backfill;
  const scheduledFor = new Date(atMs);
  return {
    ...requested(id, at),
    ...{ schedule_id, schedule_revision, schedule_created_at, timing_revision, work },
    trigger: 'backfill',
    backfill_id: backfill.id,
    scheduled_for: scheduledFor,
    since: scheduledFor,
    overlap: overlap === 'allow' ? null : overlap,
  };
}
