import type { ClaimBatch, ClaimRequest } from '../actors/ports.ts';
import type { Grant } from '../domain/lease.ts';
import type { Run } from '../domain/run.ts';
import type { Schedule } from '../domain/schedule.ts';

/** What is to be done about the runs of a batch, given what is stored. */
export interface ClaimPlan {
  insert: Run[];
  /** Stored already, by an earlier call under the same grant whose answer was lost. */
  ours: Run[];
  /** Ids of runs that are somebody else's, or ours and past the claim. */
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
  storedRun: (id: string) => Run | undefined,
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
      if (stored && isOurs(stored, run, batch.grant)) plan.ours.push(stored);
      else if (stored) plan.duplicates.push(run.id);
      else if (!stale.has(request.scheduleId)) plan.insert.push(run);
    }
  }
  return plan;
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

function isOurs(stored: Run, run: Run, grant: Grant): boolean {
  return stored.executor_boot === grant.boot && stored.term === grant.term && stored.state === run.state;
}
