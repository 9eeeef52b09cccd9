import assert from 'node:assert/strict';
import { everySpec } from '../../harness/definitions.ts';
import { isUnderstood, type NotUnderstood, type Schedule } from '../../src/domain/schedules/schedule.ts';

type Common = Omit<Schedule, 'type' | 'definition'>;

/** A stored schedule of the first revision: `every(100, T)` fires at T + 100, T + 200, … */
export function every(intervalMs: number, fromMs: number, more: Partial<Common> = {}): Schedule {
  return {
    ...everySpec(intervalMs),
    id: 's',
    revision: 1,
    timing_revision: more.revision ?? 1,
    created_at: new Date(fromMs),
    updated_at: new Date(fromMs),
    effective_from: new Date(fromMs),
    written_at: more.effective_from ?? new Date(fromMs),
    superseded: [],
    ...more,
  };
}

/** Asserts that the store has answered with a schedule. */
export function understood(stored: Schedule | NotUnderstood | 'conflict' | null | undefined): Schedule {
  assert.ok(stored != null && stored !== 'conflict' && isUnderstood(stored), `${JSON.stringify(stored)}`);
  return stored;
}

/** The next revision of a schedule, with another interval, in force from `atMs`. */
export function changed(
  schedule: Schedule,
  intervalMs: number,
  atMs: number,
  more: Partial<Common> = {},
): Schedule {
  const { type, definition, revision, timing_revision, effective_from: from, written_at } = schedule;
  const times = { from, until: new Date(atMs), written_at };
  const old = { type, definition, revision: timing_revision, ...times } as Schedule['superseded'][number];
  return {
    ...schedule,
    type: 'duration',
    definition: { interval: `${intervalMs}ms` },
    revision: revision + 1,
    timing_revision: revision + 1,
    updated_at: new Date(atMs),
    effective_from: new Date(atMs),
    written_at: new Date(atMs),
    superseded: [...schedule.superseded, ...(schedule.paused ? [] : [old])],
    ...more,
  };
}
