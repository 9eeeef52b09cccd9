/** Schedules as lists tell them (listing.ts in the domain), summarised by the server: it has what can be large. */
import type { Document } from 'mongodb';
import { literal } from '../shared/expressions.ts';

/** More than it takes to find one of 10,000 moments by halving. */
const HALVINGS = Array.from({ length: 20 }, (_, step) => step);

/** The moments of a list of definitions are a list as well. */
const IS_OBJECT = { $eq: [{ $type: '$definition' }, 'object'] };

/** Stages that leave out earlier definitions, and tell moments by a summary. */
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
            // What is stored may be something that this version does not understand.
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

/** How many moments, which ascend, come before the next one: as `high`, by halving. */
function countBefore(now: Date): Document {
  const time = { $arrayElemAt: ['$definition.times', '$$middle'] };
  // A field that is not there is less than any time.
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
