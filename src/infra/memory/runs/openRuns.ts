/** Searches among the open runs, and the turns of those that may not overlap. */
import type { RunStore } from '../../../actors/runs/runStore.ts';
import { isCancelRequested } from '../../../domain/runs/life.ts';
import { isTakeable, type Run } from '../../../domain/runs/run.ts';
import { isWaitingForTurn, nextTurn } from '../../../domain/runs/overlap.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';
import { heartbeatAgeMs } from '../membership/presence.ts';
import { apply } from './runChanges.ts';
import { newestFirst } from './runLists.ts';

type OrphanQuery = Parameters<RunStore['orphans']>[0];
type OpenRuns = Pick<RunStore, 'available' | 'passTurns' | 'waiting' | 'toCancel' | 'orphans'>;

export function openRuns(connection: Connection): OpenRuns {
  const { db } = connection;
  return {
    available: ({ availableAt, limit }) =>
      connection.call('runs.available', () => {
        const waiting = db.openRuns().filter(isTakeable).sort(availableFirst);
        const available = waiting.filter((run) => run.available_at <= availableAt);
        const heads = new Map<string, Run>();
        for (const run of available) if (!heads.has(run.schedule_id)) heads.set(run.schedule_id, run);
        const runs = new Set([...[...heads.values()].slice(0, limit), ...available.slice(0, limit)]);
        const next = waiting.find((run) => run.available_at > availableAt);
        return { runs: [...runs].sort(availableFirst), nextAt: next?.available_at ?? null };
      }),

    passTurns: (of) =>
      connection.call('runs.passTurns', () => {
        const waiting = db.openRuns().filter(isWaitingForTurn)
          .map(({ schedule_id: id, schedule_created_at }) => ({ id, created_at: schedule_created_at }));
        for (const { id, created_at } of of ?? waiting) {
          for (const change of nextTurn(db.overlapping(id, created_at), db.now())) apply(db, change);
        }
      }),

    waiting: () =>
      connection.call('runs.waiting', () => {
        const counts = new Map<string, number>();
        for (const run of db.openRuns()) {
          if (isTakeable(run)) counts.set(run.schedule_id, (counts.get(run.schedule_id) ?? 0) + 1);
        }
        return counts;
      }),

    toCancel: (boot) =>
      connection.call(
        'runs.toCancel',
        () => db.openRuns().filter((run) => run.executor_boot === boot && isCancelRequested(run)),
      ),

    orphans: (query) => connection.call('runs.orphans', () => orphans(db, query)),
  };
}

function orphans(db: Database, { exceptBoot, deadAfterMs, limit }: OrphanQuery): Run[] {
  const isAlive = (boot: string) => {
    const seen = db.replicas.get(boot)?.last_seen;
    return seen !== undefined && heartbeatAgeMs(db, seen) <= deadAfterMs;
  };
  return db.openRuns()
    .filter(({ executor_boot: boot }) => boot !== null && boot !== exceptBoot && !isAlive(boot))
    .sort((a, b) => newestFirst(b, a)).slice(0, limit);
}

function availableFirst(a: Run, b: Run): number {
  return a.available_at.getTime() - b.available_at.getTime() || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
