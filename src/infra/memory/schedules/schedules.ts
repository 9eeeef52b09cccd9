import type {
  ScheduleFilter,
  ScheduleQuery,
  ScheduleStore,
} from '../../../actors/schedules/scheduleStore.ts';
import type { Page } from '../../../actors/shared/page.ts';
import { decodeCursor, SCHEDULE_KEY, scheduleCursor } from '../../../domain/shared/cursor.ts';
import { CLOCK_TOLERANCE_MS } from '../../../domain/leadership/setBack.ts';
import { markOf } from '../../../domain/leadership/watermark.ts';
import { listed, type ListedSchedule } from '../../../domain/schedules/listing.ts';
import { isPausedAt, owesFromMs, stillOwes } from '../../../domain/firing/owed.ts';
import {
  isUnderstood,
  type NotUnderstood,
  type Schedule,
  type ScheduleSpec,
} from '../../../domain/schedules/schedule.ts';
import type { Superseded } from '../../../domain/timing/timing.ts';
import { endedWithSchedule } from '../../../domain/runs/life.ts';
import { isRunOf } from '../../../domain/runs/run.ts';
import { changeOf } from '../../../domain/schedules/scheduleChange.ts';
import { MAX_SUPERSEDED, tooManySuperseded } from '../../schedules/superseded.ts';
import { endBackfillsOf } from '../runs/backfills.ts';
import { apply } from '../runs/runChanges.ts';
import type { Connection } from '../shared/connection.ts';
import type { Database } from '../shared/database.ts';

export function memorySchedules(connection: Connection): ScheduleStore {
  const { db } = connection;
  return {
    get: (id) =>
      connection.call('schedules.get', () => {
        const stored = db.schedules.get(id);
        return stored === undefined ? null : connection.read(stored);
      }),

    list: (query, nowMs) => connection.call('schedules.list', () => pageOf(connection, query, nowMs)),

    count: (filter) =>
      connection.call(
        'schedules.count',
        () => [...db.schedules.values()].filter((schedule) => fits(schedule, filter, db.nowMs())).length,
      ),

    create: (id, spec) =>
      connection.call('schedules.create', () => {
        if (db.schedules.has(id)) return 'conflict';
        const now = new Date(momentAfter(db.latestRemovedMs, db.nowMs()));
        return put(db, 'created', {
          ...spec,
          id,
          revision: 1,
          timing_revision: 1,
          created_at: now,
          updated_at: now,
          effective_from: now,
          written_at: writtenAt(db, now),
          superseded: [],
        });
      }),

    replace: (id, spec, ifRevision) =>
      connection.call('schedules.replace', () => {
        const old = db.schedules.get(id);
        if (!old) return null;
        const stored = connection.read(old);
        if (!isUnderstood(stored)) return stored;
        if (ifRevision !== undefined && ifRevision !== old.revision) return 'conflict';
        return changed(db, old, spec);
      }),

    remove: (id, ifRevision) =>
      connection.call('schedules.remove', () => {
        const old = db.schedules.get(id);
        if (!old) return null;
        if (ifRevision !== undefined && ifRevision !== old.revision) return 'conflict';
        db.schedules.delete(id);
        endBackfillsOf(db, old);
        for (const run of db.openRuns()) if (isRunOf(run, old)) apply(db, endedWithSchedule(run, db.now()));
        db.latestRemovedMs = Math.max(db.latestRemovedMs, old.effective_from.getTime());
        db.changes.append({ kind: 'delete', id });
        db.events.append({ type: 'schedule', change: 'deleted', id, schedule: null });
        return connection.read(old);
      }),
  };
}

function pageOf(
  connection: Connection,
  { limit, cursor, ...filter }: ScheduleQuery,
  nowMs: number,
): Page<ListedSchedule | NotUnderstood> {
  const after = cursor === null ? '' : decodeCursor(cursor, SCHEDULE_KEY)[0];
  const found: Schedule[] = [];
  for (const schedule of connection.db.schedulesAfter(after)) {
    if (fits(schedule, filter, connection.db.nowMs())) found.push(schedule);
    if (found.length > limit) break;
  }
  const items = found.slice(0, limit).map((schedule) => {
    const read = connection.read(schedule);
    return isUnderstood(read) ? listed(read, nowMs) : read;
  });
  const last = items.at(-1);
  return { items, nextCursor: last && found.length > limit ? scheduleCursor(last) : null };
}

function fits(
  schedule: Schedule,
  { q, type, tags, paused }: ScheduleFilter,
  nowMs: number,
): boolean {
  // Like MongoDB, compares letters one by one: "ß" is not "SS".
  const part = q === undefined ? null : new RegExp(q.replaceAll(/[\^$.*+?()[\]{}|/\\]/g, '\\$&'), 'iu');
  const has = ({ key, value }: { key: string; value: string }) =>
    Object.hasOwn(schedule.tags ?? {}, key) && schedule.tags?.[key] === value;
  return (part === null ||
    [schedule.id, schedule.name].some((text) => text !== undefined && part.test(text))) &&
    (type === undefined || schedule.type === type) &&
    (paused === undefined || isPausedAt(schedule, nowMs) === paused) &&
    (tags ?? []).every(has);
}

function put(db: Database, change: 'created' | 'updated', schedule: Schedule): Schedule {
  const stored = structuredClone(schedule);
  db.schedules.set(schedule.id, stored);
  db.changes.append({ kind: 'upsert', schedule: stored });
  db.events.append({ type: 'schedule', change, id: stored.id, schedule: stored });
  return stored;
}

function changed(db: Database, old: Schedule, spec: ScheduleSpec): Schedule {
  const { id, revision, timing_revision, created_at, effective_from, written_at, superseded } = old;
  const kept = { id, timing_revision, created_at, effective_from, written_at, superseded };
  switch (changeOf(old, spec)) {
    case 'nothing':
      return old;
    case 'rest':
      return put(db, 'updated', { ...spec, ...kept, revision: revision + 1, updated_at: db.now() });
    case 'timing':
      return put(db, 'updated', { ...spec, ...kept, ...succession(db, old) });
  }
}

/** The server-owned fields of a schedule whose timing changes now. */
function succession(db: Database, old: Schedule) {
  const revision = old.revision + 1;
  const now = new Date(momentAfter(old.effective_from.getTime(), db.nowMs()));
  const mark = markOf(db.preparedLease().watermark, old.id);
  const timings = [...old.superseded, supersededBy(old, now)];
  const superseded = timings
    // Times that a clock that was set back has not reached are not due.
    .map((one) => one.until > now ? { ...one, until: now } : one)
    .filter((one) => one.until > one.from && stillOwes(one, mark));
  if (superseded.length > MAX_SUPERSEDED) throw tooManySuperseded(old.id);
  return {
    revision,
    timing_revision: revision,
    updated_at: now,
    effective_from: now,
    written_at: writtenAt(db, now),
    superseded,
  };
}

/**
 * The time of a write that must be later than another one, even within one millisecond, or where a
 * clock is a little behind. A clock that was set back is followed: later changes must not have to
 * wait.
 */
function momentAfter(otherMs: number, nowMs: number): number {
  return nowMs < otherMs - CLOCK_TOLERANCE_MS ? nowMs : Math.max(nowMs, otherMs + 1);
}

function writtenAt(db: Database, now: Date): Date {
  return new Date(db.historyMs(now.getTime()));
}

function supersededBy(old: Schedule, until: Date): Superseded {
  const { type, definition, timing_revision: revision, written_at } = old;
  // One whose pause has no end, or has not ended, owes nothing.
  const from = new Date(Math.min(owesFromMs(old), until.getTime()));
  const entry = { type, definition, revision, from, until, written_at } as Superseded;
  if (old.start_at) entry.start_at = old.start_at;
  if (old.end_at) entry.end_at = old.end_at;
  return entry;
}
