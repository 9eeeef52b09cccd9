/** Changes of stored runs. */
import { isAsFound, isCancelRequested, type RunChange } from '../../../domain/runs/life.ts';
import { type Outcome, settledBy } from '../../../domain/runs/outcome.ts';
import { isHeld, isUnowned } from '../../../domain/runs/run.ts';
import type { Database } from '../shared/database.ts';

export function record(db: Database, outcome: Outcome): void {
  const run = db.run(outcome.run_id);
  if (!isHeld(run, outcome)) return;
  Object.assign(run, structuredClone(settledBy(outcome, run)));
  db.emitIfEnded(run);
  if (isUnowned(run)) db.hint('run available');
}

export function apply(db: Database, change: RunChange): void {
  const run = db.run(change.run.id);
  if (!isAsFound(run, change)) return;
  Object.assign(run, structuredClone(change.set));
  db.emitIfEnded(run);
  if (isUnowned(run)) db.hint('run available');
  if (isCancelRequested(run)) db.hint('run cancelled');
}
