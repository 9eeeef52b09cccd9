/** What the answer to a claim means for the schedules in it. */
import type { ClaimVerdict } from '../../domain/firing/claimVerdict.ts';
import type { Run } from '../../domain/runs/run.ts';
import type { ClaimResult } from './claimStore.ts';

export function committed(result: ClaimResult) {
  if (result.kind !== 'committed') throw new Error('A claim that was refused has settled nothing.');
  const stale = new Set(result.stale);
  // A run committed by an earlier try of the same claim is ours, even if the definition has changed since.
  for (const run of result.runs) stale.delete(run.schedule_id);
  return {
    ...result,
    verdict: { stale, exhausted: new Set(result.exhausted), others: 'settled' } satisfies ClaimVerdict,
  };
}

/**
 * A transaction is all or nothing, except for stale schedules and duplicates: if one run is ours,
 * that schedule's part committed.
 */
export function resolved(ours: Run[]) {
  const settled = new Set(ours.map((run) => run.schedule_id));
  return { runs: ours, verdict: { settled, others: 'owed' } satisfies ClaimVerdict };
}

export function groupBySchedule(runs: Run[]): Map<string, Run[]> {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const group = groups.get(run.schedule_id);
    if (group === undefined) groups.set(run.schedule_id, [run]);
    else group.push(run);
  }
  return groups;
}
