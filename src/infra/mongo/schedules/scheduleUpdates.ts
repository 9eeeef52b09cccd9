/** Updates of schedules, as pipelines that the server evaluates atomically, on its clock. */
import type { Document } from 'mongodb';
import { CLOCK_TOLERANCE_MS } from '../../../domain/leadership/setBack.ts';
import type { Mark } from '../../../domain/leadership/watermark.ts';
import type { ScheduleSpec } from '../../../domain/schedules/schedule.ts';
import { MAX_SUPERSEDED } from '../../schedules/superseded.ts';
import { after, literal } from '../shared/expressions.ts';

/**
 * When a timing is written, on a clock that never goes back: the server's clock, or the cluster
 * time where that is ahead because the server's clock was set back. Change stream progress uses the
 * same clock.
 */
const WRITTEN_AT = {
  $max: ['$$NOW', { $dateAdd: { startDate: '$$CLUSTER_TIME', unit: 'second', amount: 0 } }],
};

/** For an upsert: the first revision of a schedule. */
export function creation(spec: ScheduleSpec): Document[] {
  const owned = {
    revision: 1,
    timing_revision: 1,
    created_at: '$$NOW',
    updated_at: '$$NOW',
    effective_from: '$$NOW',
    written_at: WRITTEN_AT,
    superseded: [],
  };
  return [{ $replaceWith: { $mergeObjects: [literal(spec), { _id: '$_id', ...owned }] } }];
}

/** The next revision, with the same timing: supersedes nothing. */
export function amendment(spec: ScheduleSpec): Document[] {
  const owned = {
    _id: '$_id',
    revision: { $add: ['$revision', 1] },
    timing_revision: { $ifNull: ['$timing_revision', '$revision'] },
    created_at: '$created_at',
    updated_at: '$$NOW',
    effective_from: '$effective_from',
    written_at: { $ifNull: ['$written_at', '$effective_from'] },
    superseded: '$superseded',
  };
  return [{ $replaceWith: { $mergeObjects: [literal(spec), owned] } }];
}

/**
 * The next revision, with another timing. The present one, which still owes what fell due so far,
 * joins the superseded ones; those that owe nothing more, by the schedule's mark, are dropped.
 */
export function succession(spec: ScheduleSpec, mark: Mark): Document[] {
  const owned = {
    _id: '$_id',
    revision: { $add: ['$revision', 1] },
    timing_revision: { $add: ['$revision', 1] },
    created_at: '$created_at',
    updated_at: MOMENT,
    effective_from: MOMENT,
    written_at: { $max: [MOMENT, WRITTEN_AT] },
    superseded: superseded(mark),
  };
  return [{ $replaceWith: { $mergeObjects: [literal(spec), owned] } }];
}

/** Whether the succession stays within the limit. */
export function roomFor(mark: Mark): Document {
  return { $lte: [{ $size: superseded(mark) }, MAX_SUPERSEDED] };
}

/**
 * When the next timing takes effect: later than the present one, even within one millisecond, or on
 * another member whose clock is a little behind. A clock that was set back is followed: later
 * changes must not have to wait.
 */
const MOMENT = {
  $cond: [
    { $lt: ['$$NOW', after('$effective_from', -CLOCK_TOLERANCE_MS)] },
    '$$NOW',
    { $max: ['$$NOW', after('$effective_from', 1)] },
  ],
};

const PAUSE_ENDS = { $max: ['$effective_from', { $ifNull: ['$pause_until', new Date(8.64e15)] }] };

/** None extends beyond `MOMENT`: times that a clock that was set back has not reached are not due. */
function superseded(mark: Mark): Document {
  const present = {
    type: '$type',
    definition: '$definition',
    start_at: '$start_at',
    end_at: '$end_at',
    revision: { $ifNull: ['$timing_revision', '$revision'] },
    // One whose pause has no end, or has not ended, owes nothing.
    from: { $cond: ['$paused', { $min: [MOMENT, PAUSE_ENDS] }, '$effective_from'] },
    until: MOMENT,
    written_at: { $ifNull: ['$written_at', '$effective_from'] },
  };
  const timings = { $concatArrays: ['$superseded', [present]] };
  const bounded = {
    $map: {
      input: timings,
      as: 'old',
      in: { $mergeObjects: ['$$old', { until: { $min: ['$$old.until', MOMENT] } }] },
    },
  };
  const owes = {
    $or: [
      { $gt: ['$$old.until', new Date(mark.claimedThroughMs)] },
      { $gt: [{ $ifNull: ['$$old.written_at', '$$old.from'] }, new Date(mark.mirroredThroughMs)] },
    ],
  };
  const cond = { $and: [{ $gt: ['$$old.until', '$$old.from'] }, owes] };
  return { $filter: { input: bounded, as: 'old', cond } };
}
