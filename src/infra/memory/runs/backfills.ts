import type { BackfillQuery, BackfillStore, Cancellation } from '../../../actors/runs/backfillStore.ts';
import { MAX_RUNNING } from '../../../actors/runs/backfillStore.ts';
import type { Page } from '../../../actors/shared/page.ts';
import { settledThroughMs } from '../../../domain/firing/owed.ts';
import { markOf } from '../../../domain/leadership/watermark.ts';
import {
  type Backfill,
  finished,
  MAX_BACKFILLED,
  missingRunId,
  nextStep,
  upcomingOf,
} from '../../../domain/runs/backfill.ts';
import { cancelled, isCancelRequested } from '../../../domain/runs/life.ts';
import { isUnowned } from '../../../domain/runs/run.ts';
import { isUnderstood, type Schedule } from '../../../domain/schedules/schedule.ts';
import { backfillCursor, decodeCursor, RUN_KEY } from '../../../domain/shared/cursor.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';
import { apply } from './runChanges.ts';

export function memoryBackfills(connection: Connection): BackfillStore {
  const { db } = connection;
  return {
    create: (backfill) =>
      connection.call('backfills.create', () => {
        if (scheduleOf(db, backfill) === null) return 'gone';
        if (db.backfill(backfill.id) !== undefined) return 'created';
        if (running(db).length >= MAX_RUNNING) return 'full';
        db.putBackfill(structuredClone(backfill));
        return 'created';
      }),

    get: (id) => connection.call('backfills.get', () => db.backfill(id) ?? null),

    list: (query) => connection.call('backfills.list', () => pageOf(db, query)),

    running: ({ scheduleId, limit }) =>
      connection.call(
        'backfills.running',
        () =>
          running(db).filter(({ schedule_id }) => scheduleId === undefined || schedule_id === scheduleId)
            .sort((a, b) => newestFirst(b, a)).slice(0, limit),
      ),

    openRuns: (ids) =>
      connection.call('backfills.openRuns', () => {
        const counts = new Map<string, number>();
        for (const { backfill_id: id } of db.openRuns()) {
          if (id !== undefined && ids.includes(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
        }
        return counts;
      }),

    alreadyRun: (backfill) =>
      connection.call('backfills.alreadyRun', () => {
        const all = upcomingOf(backfill, MAX_BACKFILLED);
        return all.filter((atMs) => missingRunId(backfill, atMs, (id) => db.run(id)?.state) === null).length;
      }),

    advance: (id) =>
      connection.call('backfills.advance', () => {
        const backfill = db.backfill(id);
        return backfill?.state === 'running' && advance(connection, backfill);
      }),

    cancel: (id) =>
      connection.call('backfills.cancel', () => {
        const backfill = db.backfill(id);
        return backfill === undefined ? null : cancel(db, backfill);
      }),
  };
}

/** When the schedule is deleted. */
export function endBackfillsOf(db: Database, schedule: Pick<Schedule, 'id' | 'created_at'>): void {
  for (const backfill of running(db)) {
    if (isOf(backfill, schedule)) Object.assign(backfill, finished('cancelled', db.now()));
  }
}

function advance(connection: Connection, backfill: Backfill): boolean {
  const { db } = connection;
  const { schedule_id, schedule_created_at } = backfill;
  const schedule = scheduleOf(db, backfill);
  if (schedule === null) {
    Object.assign(backfill, finished('cancelled', db.now()));
    return false;
  }
  if (!isUnderstood(connection.read(schedule))) return false;
  const step = nextStep(backfill, {
    open: db.openRuns().filter(({ backfill_id }) => backfill_id === backfill.id).length,
    overlapping: backfill.overlap === 'allow' ? [] : db.overlapping(schedule_id, schedule_created_at),
    stateOf: (id) => db.run(id)?.state,
    settledThroughMs: settledThroughMs(schedule, markOf(db.preparedLease().watermark, schedule_id)),
    at: db.now(),
  });
  if (step === null) return false;
  for (const change of step.changes) apply(db, change);
  for (const run of step.insert) db.insertRun(run);
  Object.assign(backfill, step.set);
  if (step.insert.some(isUnowned)) db.hint('run available');
  return step.hasMore;
}

function cancel(db: Database, backfill: Backfill): Cancellation {
  if (backfill.state !== 'running') return { backfill, isNew: false };
  Object.assign(backfill, finished('cancelled', db.now()));
  for (const run of db.openRuns()) {
    if (run.backfill_id !== backfill.id || isCancelRequested(run)) continue;
    apply(db, cancelled(run, 'requested', db.now()));
  }
  return { backfill, isNew: true };
}

/** The schedule as it is now; null when it is gone, or another one has its id. */
function scheduleOf(db: Database, backfill: Backfill): Schedule | null {
  const schedule = db.schedules.get(backfill.schedule_id);
  return schedule !== undefined && isOf(backfill, schedule) ? schedule : null;
}

function isOf(backfill: Backfill, { id, created_at }: Pick<Schedule, 'id' | 'created_at'>): boolean {
  return backfill.schedule_id === id && backfill.schedule_created_at.getTime() === created_at.getTime();
}

function running(db: Database): Backfill[] {
  return db.backfills().filter(({ state }) => state === 'running');
}

function pageOf(db: Database, { scheduleId, limit, cursor }: BackfillQuery): Page<Backfill> {
  const after = cursor === null ? null : decodeCursor(cursor, RUN_KEY);
  const found = db.backfills().filter((backfill) =>
    backfill.schedule_id === scheduleId &&
    (after === null || newestFirst(backfill, { created_at: new Date(after[0]), id: after[1] }) > 0)
  ).sort(newestFirst);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: last && found.length > limit ? backfillCursor(last) : null };
}

type BackfillKey = Pick<Backfill, 'created_at' | 'id'>;

function newestFirst(a: BackfillKey, b: BackfillKey): number {
  return b.created_at.getTime() - a.created_at.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
