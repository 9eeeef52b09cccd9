/** The updates of schedules, as pipelines that the server evaluates in one go, on its clock. */
import type { Document } from 'mongodb';
import type { ScheduleSpec } from '../../domain/schedule.ts';
import { MAX_SUPERSEDED } from '../superseded.ts';
import { after, literal } from './expressions.ts';

/** For an upsert: the first revision of a schedule. */
export function creation(spec: ScheduleSpec): Document[] {
  const owned = {
    revision: 1,
    created_at: '$$NOW',
    updated_at: '$$NOW',
    effective_from: '$$NOW',
    superseded: [],
  };
  return [{ $replaceWith: { $mergeObjects: [literal(spec), { _id: '$_id', ...owned }] } }];
}

/**
 * The next revision. The present definition, which still owes what fell due so far, joins the superseded
 * ones; those that owe nothing more go.
 */
export function succession(spec: ScheduleSpec, settledThrough: Date): Document[] {
  // Later than the revision before, also within one millisecond or when the server's clock was set back.
  const moment = { $max: ['$$NOW', after('$effective_from', 1)] };
  const present = {
    type: '$type',
    definition: '$definition',
    start_at: '$start_at',
    end_at: '$end_at',
    revision: '$revision',
    from: '$effective_from',
    until: moment,
  };
  const owned = {
    _id: '$_id',
    revision: { $add: ['$revision', 1] },
    created_at: '$created_at',
    updated_at: moment,
    effective_from: moment,
    // A paused one owes nothing.
    superseded: { $concatArrays: [owing(settledThrough), { $cond: ['$paused', [], [present]] }] },
  };
  return [{ $replaceWith: { $mergeObjects: [literal(spec), owned] } }];
}

/** Whether the succession keeps within the limit. */
export function roomFor(settledThrough: Date): Document {
  const added = { $cond: ['$paused', 0, 1] };
  return { $lte: [{ $add: [{ $size: owing(settledThrough) }, added] }, MAX_SUPERSEDED] };
}

function owing(settledThrough: Date): Document {
  return { $filter: { input: '$superseded', as: 'old', cond: { $gt: ['$$old.until', settledThrough] } } };
}
