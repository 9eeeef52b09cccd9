import type { ScheduleFilter, ScheduleStore } from '../../actors/ports.ts';
import { decodeCursor, scheduleCursor } from '../../domain/cursor.ts';
import { listed } from '../../domain/listing.ts';
import { watermarkMs } from '../../domain/lease.ts';
import type { Schedule, ScheduleSpec, Superseded } from '../../domain/schedule.ts';
import { MAX_SUPERSEDED, tooManySuperseded } from '../superseded.ts';
import type { Connection } from './connection.ts';
import type { Database } from './database.ts';

export function memorySchedules(connection: Connection): ScheduleStore {
  const { db } = connection;
  return {
    get: (id) => connection.call('schedules.get', () => db.schedules.get(id) ?? null),

    list: ({ limit, cursor, ...filter }, nowMs) =>
      connection.call('schedules.list', () => {
        const after = cursor === null ? '' : decodeCursor(cursor, ['string'])[0];
        const found: Schedule[] = [];
        for (const schedule of db.schedulesAfter(after)) {
          if (fits(schedule, filter)) found.push(schedule);
          if (found.length > limit) break;
        }
        const items = found.slice(0, limit).map((schedule) => listed(schedule, nowMs));
        const last = items.at(-1);
        return { items, nextCursor: last && found.length > limit ? scheduleCursor(last) : null };
      }),

    count: (filter) =>
      connection.call(
        'schedules.count',
        () => [...db.schedules.values()].filter((schedule) => fits(schedule, filter)).length,
      ),

    create: (id, spec) =>
      connection.call('schedules.create', () => {
        if (db.schedules.has(id)) return 'conflict';
        // As no two definitions of an id may look alike, even if it was deleted within this millisecond.
        const now = new Date(Math.max(db.nowMs(), db.latestRemovedMs + 1));
        return put(db, 'created', {
          ...spec,
          id,
          revision: 1,
          created_at: now,
          updated_at: now,
          effective_from: now,
          superseded: [],
        });
      }),

    replace: (id, spec, ifRevision) =>
      connection.call('schedules.replace', () => {
        const old = db.schedules.get(id);
        if (!old) return null;
        if (ifRevision !== undefined && ifRevision !== old.revision) return 'conflict';
        return put(db, 'updated', successor(db, old, spec));
      }),

    remove: (id, ifRevision) =>
      connection.call('schedules.remove', () => {
        const old = db.schedules.get(id);
        if (!old) return null;
        if (ifRevision !== undefined && ifRevision !== old.revision) return 'conflict';
        db.schedules.delete(id);
        db.latestRemovedMs = Math.max(db.latestRemovedMs, old.effective_from.getTime());
        db.changes.append({ kind: 'delete', id });
        db.events.append({ type: 'schedule', change: 'deleted', id, schedule: null });
        return old;
      }),
  };
}

function fits(
  schedule: Schedule,
  { q, type, tag, paused }: ScheduleFilter,
): boolean {
  const part = q?.toLowerCase();
  return (part === undefined ||
    [schedule.id, schedule.name].some((text) => text?.toLowerCase().includes(part))) &&
    (type === undefined || schedule.type === type) && (paused === undefined || schedule.paused === paused) &&
    (tag === undefined ||
      (Object.hasOwn(schedule.tags ?? {}, tag.key) && schedule.tags?.[tag.key] === tag.value));
}

function put(db: Database, change: 'created' | 'updated', schedule: Schedule): Schedule {
  const stored = structuredClone(schedule);
  db.schedules.set(schedule.id, stored);
  db.changes.append({ kind: 'upsert', schedule: stored });
  db.events.append({ type: 'schedule', change, id: stored.id, schedule: stored });
  return stored;
}

function successor(db: Database, old: Schedule, spec: ScheduleSpec): Schedule {
  const now = new Date(Math.max(db.nowMs(), old.effective_from.getTime() + 1));
  const settledMs = watermarkMs(db.preparedLease().watermark);
  const superseded = old.superseded.filter(({ until }) => until.getTime() > settledMs);
  if (!old.paused) superseded.push(supersededBy(old, now));
  if (superseded.length > MAX_SUPERSEDED) throw tooManySuperseded(old.id);
  const { id, created_at } = old;
  return {
    ...spec,
    id,
    revision: old.revision + 1,
    created_at,
    updated_at: now,
    effective_from: now,
    superseded,
  };
}

function supersededBy(old: Schedule, until: Date): Superseded {
  const { type, definition, revision, effective_from: from } = old;
  const entry = { type, definition, revision, from, until } as Superseded;
  if (old.start_at) entry.start_at = old.start_at;
  if (old.end_at) entry.end_at = old.end_at;
  return entry;
}
