import type { ClaimBatch, ClaimRequest } from '../../actors/firing/claimStore.ts';
import { CLOCK_TOLERANCE_MS } from '../../domain/leadership/lease.ts';
import type { NotUnderstood } from '../../domain/shared/reading.ts';
import type { Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';

/** One that is not understood is there all the same: its occurrence has had its run. */
export type StoredRun = Run | NotUnderstood;

/** What is to be done about the runs of a batch, given what is stored. */
export interface ClaimPlan {
  insert: Run[];
  /** Stored already, by an earlier call under the same grant whose answer was lost. */
  ours: Run[];
  /** Ids of runs that are somebody else's, or ours and past the claim, or that a counted record stands for. */
  duplicates: string[];
  /** Ids of schedules whose stored definition is another one, or gone. */
  stale: string[];
}

/**
 * Sorts the runs of a batch, in its order. A run that is stored already is told as such even if its schedule
 * has changed since: it was claimed under the definition that was in force, and somebody has to run it.
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
  const seen = new Set<string>();
  for (const request of batch.requests) {
    for (const run of request.runs) {
      if (seen.has(run.id)) continue;
      seen.add(run.id);
      const stored = storedRun(run.id);
      if (stored && isClaimOf(stored, run, batch.grant.boot)) plan.ours.push(stored);
      else if (stored || counted.some((record) => covers(record, run))) plan.duplicates.push(run.id);
      else if (!stale.has(request.scheduleId)) plan.insert.push(run);
    }
  }
  return plan;
}

/** Whether the batch was made by a moment that the server's clock has yet to reach: what it claims is not due. */
export function isEarly({ nowMs }: ClaimBatch, serverNowMs: number): boolean {
  return nowMs - serverNowMs > CLOCK_TOLERANCE_MS;
}

/** A stored record that stands for several occurrences in a row: only the last of them is found by its id. */
export type Counted = Pick<
  Run,
  'schedule_id' | 'since' | 'scheduled_for' | 'schedule_created_at' | 'timing_revision'
>;

function covers(record: Counted, run: Run): boolean {
  return record.schedule_id === run.schedule_id && isOfSameTiming(record, run) &&
    record.since <= run.scheduled_for && run.scheduled_for <= record.scheduled_for;
}

/** Records of several timings can lie over one another where the server's clock was set back. */
function isOfSameTiming(record: Counted, run: Run): boolean {
  return record.timing_revision === undefined ||
    record.timing_revision === run.timing_revision &&
      record.schedule_created_at?.getTime() === run.schedule_created_at?.getTime();
}

/** Ids of the schedules whose definition is not the one that the batch was made from. */
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
 * Whether the stored run is what `boot` has claimed as `run`, by this very claim, and nothing has become of it
 * since. An earlier claim of the same occurrence was answered, and is under way. One that it
 * has adopted is another attempt, and under way already.
 */
export function isClaimOf(stored: StoredRun, run: Run, boot: string): stored is Run {
  return !('not_understood' in stored) && stored.executor_boot === boot && stored.term === run.term &&
    stored.attempt === run.attempt &&
    stored.state === run.state && stored.claim_number === run.claim_number;
}
