import type { ClaimBatch, ClaimRequest } from '../../actors/firing/claimStore.ts';
import { CLOCK_TOLERANCE_MS } from '../../domain/leadership/setBack.ts';
import type { NotUnderstood } from '../../domain/shared/reading.ts';
import type { Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';

/** A run that is not understood counts as stored: its occurrence has had its run. */
export type StoredRun = Run | NotUnderstood;

/** How to treat the runs of a batch, given what is stored. */
export interface ClaimPlan {
  insert: Run[];
  /** Already stored, by an earlier call under the same grant whose answer was lost. */
  ours: Run[];
  /**
   * Ids of runs that another boot claimed, that are ours and past the claim, or that a counted
   * record covers.
   */
  duplicates: string[];
  /** Ids of schedules whose stored definition differs or is gone. */
  stale: string[];
}

/**
 * Sorts the runs of a batch, in its order. A stored run is reported as stored even if its schedule
 * has changed since: it was claimed under the definition then in force, and has to run.
 */
export function planClaim(
  batch: ClaimBatch,
  storedDefinition: (scheduleId: string) => Pick<Schedule, 'revision' | 'effective_from'> | undefined,
  storedRun: (id: string) => StoredRun | undefined,
  counted: readonly Counted[],
): ClaimPlan {
  const plan: ClaimPlan = {
    insert: [],
    ours: [],
    duplicates: [],
    stale: staleSchedules(batch, storedDefinition),
  };
  const stale = new Set(plan.stale);
  const planned = new Set<string>();
  for (const request of batch.requests) {
    for (const run of request.runs) {
      if (planned.has(run.id)) continue;
      planned.add(run.id);
      const stored = storedRun(run.id);
      if (stored && isClaimOf(stored, run, batch.grant.boot)) plan.ours.push(stored);
      else if (stored || counted.some((record) => covers(record, run))) plan.duplicates.push(run.id);
      else if (!stale.has(request.scheduleId)) plan.insert.push(run);
    }
  }
  return plan;
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
 * Whether the stored run is `boot`'s claim of `run`, by this same claim, and unchanged since. A run of an
 * earlier claim of the same occurrence, or of an adoption, is executed already.
 */
export function isClaimOf(stored: StoredRun, run: Run, boot: string): stored is Run {
  return !('not_understood' in stored) && stored.executor_boot === boot && stored.term === run.term &&
    stored.attempt === run.attempt &&
    stored.state === run.state && stored.claim_number === run.claim_number;
}
