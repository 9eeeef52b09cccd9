import { timingProblem } from '../schedules/scheduleReading.ts';
import { type FieldTypes, type NotUnderstood, problemIn, validOr } from '../shared/reading.ts';
import type { Backfill } from './backfill.ts';

const BACKFILL_FIELDS = {
  id: 'text',
  schedule_id: 'text',
  schedule_created_at: 'date',
  from: 'date',
  to: 'date',
  max_concurrent: 'count',
  overlap: ['allow', 'skip', 'queue', 'replace'],
  state: ['running', 'completed', 'cancelled'],
  total: 'count',
  cursor: 'date',
  created: 'count',
  already_run: 'count',
  created_at: 'date',
  finished_at: 'date?',
} as const satisfies FieldTypes;

/** A stored backfill, without fields that this version does not know. */
export function readBackfill(record: Partial<Backfill>): Backfill | NotUnderstood {
  const problem = problemIn(record, BACKFILL_FIELDS) ?? partsProblem(record);
  if (problem !== null) return { id: String(record.id), not_understood: problem };
  const { schedule_id, schedule_created_at, from, to, max_concurrent, overlap, again, ...rest } =
    record as Backfill;
  const { id, rule, work, state, total, cursor, created, already_run, created_at } = rest;
  return {
    ...{ id, schedule_id, schedule_created_at, from, to, max_concurrent, overlap, rule, work, state, total },
    ...{ cursor, created, already_run, created_at },
    again: again === true,
    schedule_revision: validOr(rest.schedule_revision, 'count', 0),
    timing_revision: validOr(rest.timing_revision, 'count', 0),
    finished_at: rest.finished_at ?? null,
    expire_at: validOr(rest.expire_at, 'date', null),
  };
}

function partsProblem({ rule, work }: Partial<Backfill>): string | null {
  if (typeof rule !== 'object' || rule === null) return 'rule is not an object';
  if (typeof work !== 'object' || work === null) return 'work is not an object';
  const bounds = { created_at: 'date', start_at: 'date?', end_at: 'date?' } as const;
  const problem = timingProblem({ ...rule }) ?? problemIn(rule, bounds);
  return problem === null ? null : `in its rule, ${problem}`;
}
