import type { ClaimBatch, ClaimRequest } from '../../actors/firing/claimStore.ts';
import { CLOCK_TOLERANCE_MS } from '../../domain/leadership/setBack.ts';
import type { NotUnderstood } from '../../domain/shared/reading.ts';
import type { RunChange } from '../../domain/runs/life.ts';
import { overlapping } from '../../domain/runs/overlap.ts';
import { OPEN_STATES, type Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';

/** A run that is not understood counts as stored: its occurrence has had its run. */
export type StoredRun = Run | NotUnderstood;

/** What the store has about a batch. */
export interface StoredState {
  definition(scheduleId: string): Pick<Schedule, 'revision' | 'effective_from'> | undefined;
  run(id: string): StoredRun | undefined;
  /** Records of several occurrences. */
  counted: readonly Counted[];
  /** Open runs of the schedule that count for overlaps. */
  open(scheduleId: string): readonly Run[];
  /** Occurrences of the schedule that were claimed so far, if it has a limit. */
  claimed(scheduleId: string): number;
  /** Server time. */
  now: Date;
}

/** How to treat the runs of a batch, given what is stored. */
export interface ClaimPlan {
  insert: Run[];
  /** What becomes of open runs. */
  changes: RunChange[];
  /** Already stored, by an earlier call under the same grant whose answer was lost. */
  ours: Run[];
  /**
   * Ids of runs that another boot claimed, that are ours and past the claim, or that a counted
   * record covers.
   */
  duplicates: string[];
  /** Ids of schedules whose stored definition differs or is gone. */
  stale: string[];
  /** Ids of schedules that have had all their runs. */
  exhausted: string[];
  /** By schedule that looks at others: occurrences claimed by this plan, 0 without a limit. */
  counts: Map<string, number>;
}

/**
 * Sorts the runs of a batch, in its order. A stored run is reported as stored even if its schedule
 * has changed since: it was claimed under the definition then in force, and has to run.
 */
export function planClaim(batch: ClaimBatch, stored: StoredState): ClaimPlan {
  const plan: ClaimPlan = {
    ...{ insert: [], changes: [], ours: [], duplicates: [], exhausted: [], counts: new Map() },
    stale: staleSchedules(batch, stored.definition),
  };
  const stale = new Set(plan.stale);
  const planned = new Set<string>();
  for (const request of batch.requests) {
    const fresh = request.runs.filter((run) => {
      if (planned.has(run.id)) return false;
      planned.add(run.id);
      const found = stored.run(run.id);
      if (found && isClaimOf(found, run)) plan.ours.push(found);
      else if (found || stored.counted.some((record) => covers(record, run))) plan.duplicates.push(run.id);
      else return !stale.has(request.scheduleId);
      return false;
    });
    if (!stale.has(request.scheduleId)) planFresh(plan, request, fresh, stored);
  }
  return plan;
}

/** Whether the schedule's open runs, or the number of its runs, matter to the claim. */
export function looksAtOthers({ runs, maxRuns }: ClaimRequest): boolean {
  return maxRuns !== null || runs.some(({ overlap }) => overlap !== null);
}

function planFresh(plan: ClaimPlan, request: ClaimRequest, fresh: readonly Run[], stored: StoredState): void {
  if (!looksAtOthers(request)) return void plan.insert.push(...fresh);
  const { scheduleId, maxRuns } = request;
  const before = maxRuns === null ? 0 : stored.claimed(scheduleId);
  let count = before;
  const open = new Map(stored.open(scheduleId).map((run) => [run.id, run]));
  for (const run of fresh) {
    // A timing that was replaced may have had no limit.
    if (maxRuns !== null && count >= maxRuns && run.reason !== 'superseded') continue;
    const decided = run.state === 'claimed'
      ? overlapping(run, [...open.values()], stored.now)
      : { run, changes: [] };
    for (const change of decided.changes) applyTo(plan, open, change);
    plan.insert.push(decided.run);
    if (decided.run.state !== 'claimed') continue;
    count++;
    if (run.overlap !== null) open.set(run.id, decided.run);
  }
  plan.counts.set(scheduleId, maxRuns === null ? 0 : count - before);
  if (maxRuns !== null && count >= maxRuns) plan.exhausted.push(scheduleId);
}

/** The changed run may be one that this plan inserts. */
function applyTo(plan: ClaimPlan, open: Map<string, Run>, change: RunChange): void {
  const { run, set } = change;
  const changed = { ...run, ...set };
  const index = plan.insert.findIndex(({ id }) => id === run.id);
  if (index >= 0) plan.insert[index] = changed;
  else plan.changes.push(change);
  if (OPEN_STATES.includes(changed.state)) open.set(run.id, changed);
  else open.delete(run.id);
}

/**
 * Whether the batch's time is ahead of the server's clock by more than the tolerance: it is not due
 * yet.
 */
export function isEarly({ nowMs }: ClaimBatch, serverNowMs: number): boolean {
  return nowMs - serverNowMs > CLOCK_TOLERANCE_MS;
}

/** A stored record that covers several consecutive occurrences: only the last is found by its id. */
export type Counted = Pick<
  Run,
  'schedule_id' | 'since' | 'scheduled_for' | 'schedule_created_at' | 'timing_revision'
>;

function covers(record: Counted, run: Run): boolean {
  return record.schedule_id === run.schedule_id && isOfSameTiming(record, run) &&
    record.since <= run.scheduled_for && run.scheduled_for <= record.scheduled_for;
}

/** Records of several timings can overlap where the server's clock was set back. */
function isOfSameTiming(record: Counted, run: Run): boolean {
  return record.timing_revision === undefined ||
    record.timing_revision === run.timing_revision &&
      record.schedule_created_at?.getTime() === run.schedule_created_at?.getTime();
}

/** Ids of the schedules whose stored definition is not the batch's. */
export function staleSchedules(
  batch: ClaimBatch,
  storedDefinition: (scheduleId: string) => Pick<Schedule, 'revision' | 'effective_from'> | undefined,
): string[] {
  const isStale = ({ scheduleId, revision, effectiveFrom }: ClaimRequest) => {
    const stored = storedDefinition(scheduleId);
    return stored?.revision !== revision || stored.effective_from.getTime() !== effectiveFrom.getTime();
  };
  return [...new Set(batch.requests.filter(isStale).map((request) => request.scheduleId))];
}

/**
 * Whether the stored run was written by this very claim of `run`; it may have changed since. A term is of one boot,
 * which numbers its claims. An earlier claim of the same occurrence was answered, and is under way.
 */
export function isClaimOf(stored: StoredRun, run: Run): stored is Run {
  return !('not_understood' in stored) && stored.term === run.term &&
    stored.claim_number === run.claim_number;
}
