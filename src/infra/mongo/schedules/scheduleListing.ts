/**
 * Schedules in list form (listing.ts in the domain), summarised by the server, which has the large
 * parts.
 */
import type { Document } from 'mongodb';
import { literal } from '../shared/expressions.ts';

/** Steps; more than a binary search among 10,000 moments takes. */
const HALVINGS = Array.from({ length: 20 }, (_, step) => step);

/** For an array of definitions, `definition.times` is an array as well. */
const IS_OBJECT = { $eq: [{ $type: '$definition' }, 'object'] };

/** Stages that drop superseded definitions and summarise moments. */
export function summarised(nowMs: number): Document[] {
  const summary = {
    count: { $size: '$definition.times' },
    first: { $first: '$definition.times' },
    last: { $last: '$definition.times' },
    next: next(new Date(nowMs)),
  };
  return [
    { $unset: 'superseded' },
    {
      $set: {
        definition: {
          $cond: [
            // This version may not understand the stored document.
            { $and: [{ $eq: ['$type', 'at_times'] }, IS_OBJECT, { $isArray: '$definition.times' }] },
            { $mergeObjects: ['$definition', { times: summary }] },
            '$definition',
          ],
        },
      },
    },
  ];
}

/** The first moment after now, after the definition took effect, and within start_at and end_at; or null. */
function next(now: Date): Document {
  const found = { $arrayElemAt: ['$definition.times', '$$halved.high'] };
  const isTooLate = { $and: [{ $gt: ['$end_at', null] }, { $gt: ['$$found', '$end_at'] }] };
  return {
    $let: {
      vars: { halved: countBefore(now) },
      in: {
        $let: {
          vars: { found },
          in: { $cond: [isTooLate, null, { $ifNull: ['$$found', null] }] },
        },
      },
    },
  };
}

/** Counts the ascending moments before the next one by binary search; the result is `high`. */
function countBefore(now: Date): Document {
  const time = { $arrayElemAt: ['$definition.times', '$$middle'] };
  // A missing field compares less than any time.
  const isBefore = {
    $or: [
      { $lte: [time, literal(now)] },
      { $lte: [time, '$effective_from'] },
      { $lt: [time, '$start_at'] },
    ],
  };
  const { low, high } = { low: '$$value.low', high: '$$value.high' };
  const half = {
    $cond: [isBefore, { low: { $add: ['$$middle', 1] }, high }, { low, high: '$$middle' }],
  };
  return {
    $reduce: {
      input: literal(HALVINGS),
      initialValue: { low: 0, high: { $size: '$definition.times' } },
      in: {
        $cond: [
          { $gte: [low, high] },
          '$$value',
          {
            $let: {
              vars: { middle: { $toInt: { $floor: { $divide: [{ $add: [low, high] }, 2] } } } },
              in: half,
            },
          },
        ],
      },
    },
  };
}
