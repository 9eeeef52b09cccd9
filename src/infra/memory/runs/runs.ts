import type { RunStore } from '../../../actors/runs/runStore.ts';
import { isApplied } from '../../../domain/runs/life.ts';
import { isRecorded } from '../../../domain/runs/outcome.ts';
import { isHeld, isRunOf } from '../../../domain/runs/run.ts';
import { overlapping } from '../../../domain/runs/overlap.ts';
import type { Connection } from '../shared/connection.ts';
import { openRuns } from './openRuns.ts';
import { apply, record } from './runChanges.ts';
import { runLists } from './runLists.ts';

export function memoryRuns(connection: Connection): RunStore {
  const { db } = connection;
  return {
    ...runLists(connection),
    ...openRuns(connection),

    get: (id) => connection.call('runs.get', () => db.run(id) ?? null),

    request: (run) =>
      connection.call('runs.request', () => {
        const schedule = db.schedules.get(run.schedule_id);
        if (schedule === undefined || !isRunOf(run, schedule)) return false;
        if (db.run(run.id)) return true;
        const open = db.overlapping(schedule.id, schedule.created_at);
        const decided = overlapping(run, open, db.now());
        for (const change of decided.changes) apply(db, change);
        db.insertRun(decided.run);
        db.hint('run available');
        return true;
      }),

    record: (outcomes) =>
      connection.call('runs.record', () => {
        for (const outcome of outcomes) record(db, outcome);
        return outcomes.filter((outcome) => isRecorded(db.run(outcome.run_id), outcome));
      }),

    recordStarts: (starts) =>
      connection.call('runs.recordStarts', () => {
        for (const { run_id, started_at, lateness_ms, ...held } of starts) {
          const run = db.run(run_id);
          if (isHeld(run, held)) Object.assign(run, { state: 'running', started_at, lateness_ms });
        }
      }),

    change: (changes) =>
      connection.call('runs.change', () => {
        for (const change of changes) apply(db, change);
        const stored = changes.map((change) => [db.run(change.run.id), change] as const);
        return stored.flatMap(([run, change]) => run && isApplied(run, change) ? [run] : []);
      }),
  };
}
