/** Changes of runs as updates of their documents. Each applies only to a run that is as it was found. */
import type { AnyBulkWriteOperation, Document, UpdateFilter } from 'mongodb';
import type { RunChange } from '../../../domain/runs/life.ts';
import {
  attemptOf,
  type AttemptStart,
  hasFailed,
  type Outcome,
  unowned,
} from '../../../domain/runs/outcome.ts';
import { isTakeable, MAX_ATTEMPTS_KEPT, OPEN_STATES, type Run } from '../../../domain/runs/run.ts';
import { NO_EXECUTOR, type RunDoc } from '../shared/documents.ts';
import { literal } from '../shared/expressions.ts';

type RunUpdate = AnyBulkWriteOperation<RunDoc>;

export function changing({ run, set }: RunChange): RunUpdate {
  const { id: _, executor, executor_boot, ...rest } = set;
  const fields: Partial<RunDoc> = {
    ...rest,
    ...(executor !== undefined && { executor: executor ?? NO_EXECUTOR }),
    ...(executor_boot !== undefined && { executor_boot: executor_boot ?? NO_EXECUTOR }),
  };
  const waits = set.waiting_for === undefined ? {} : waitingSchedule(run, set.waiting_for);
  const update: UpdateFilter<RunDoc> = { ...waits, $set: { ...fields, ...waits.$set } };
  // Older versions did not write `waiting_for`.
  const waiting_for = run.waiting_for === null ? null : { $in: [run.waiting_for, null] };
  const is_last_attempt = run.is_last_attempt ? true : { $ne: true };
  const found = { waiting_for, is_last_attempt, reason: run.reason };
  return { updateOne: { filter: { ...held(run), ...found } as Document, update } };
}

function waitingSchedule({ schedule_id }: Run, waiting_for: Run['waiting_for']): UpdateFilter<RunDoc> {
  return isTakeable({ waiting_for })
    ? { $set: { waiting_schedule: schedule_id } }
    : { $unset: { waiting_schedule: '' } };
}

/** `isHeld` as a filter. */
function held({ id, attempt, executor_boot }: Pick<Run, 'id' | 'attempt' | 'executor_boot'>) {
  return { _id: id, attempt, executor_boot: executor_boot ?? NO_EXECUTOR, state: { $in: [...OPEN_STATES] } };
}

export function starting(
  { run_id, attempt, executor_boot, started_at, lateness_ms }: AttemptStart,
): RunUpdate {
  return {
    updateOne: {
      filter: held({ id: run_id, attempt, executor_boot }),
      update: { $set: { state: 'running', started_at, lateness_ms } },
    },
  };
}

/** `settledBy` as an update. */
export function recording(outcome: Outcome): RunUpdate {
  const { run_id, attempt, executor_boot, retry_at } = outcome;
  const filter = held({ id: run_id, attempt, executor_boot });
  return { updateOne: { filter, update: retry_at === null ? ending(outcome) : retrying(outcome, retry_at) } };
}

function ending(outcome: Outcome): UpdateFilter<RunDoc> {
  const { state, started_at, finished_at, lateness_ms, error, output, expire_at } = outcome;
  return {
    $set: {
      ...{ state, started_at, finished_at, lateness_ms, error, output, expire_at, losses: 0 },
      // What was asked for stays only on what was cancelled.
      ...(state !== 'cancelled' && { reason: null }),
    },
    $push: { attempts: { $each: [attemptOf(outcome)], $slice: -MAX_ATTEMPTS_KEPT } },
    ...(hasFailed(outcome) && { $inc: { failures: 1 } }),
  };
}

/** A pipeline, since the stored run says whether another attempt may follow. */
function retrying(outcome: Outcome, retryAt: Date): Document[] {
  const { state, started_at, finished_at, lateness_ms, error, output, expire_at } = outcome;
  const { executor: _, executor_boot: _boot, ...waits } = unowned('retrying', 'retry');
  const none = { executor: NO_EXECUTOR, executor_boot: NO_EXECUTOR };
  const next = { ...waits, ...none, available_at: retryAt, waiting_schedule: '$schedule_id' };
  const attempts = { $concatArrays: [{ $ifNull: ['$attempts', []] }, [literal(attemptOf(outcome))]] };
  const either = Object.fromEntries(
    Object.entries(next).map(([name, value]) => [name, { $cond: ['$is_last_attempt', `$${name}`, value] }]),
  );
  return [{
    $set: {
      ...either,
      ...{ started_at, lateness_ms, error: literal(error), output: literal(output), losses: 0 },
      finished_at: { $cond: ['$is_last_attempt', finished_at, null] },
      attempts: { $slice: [attempts, -MAX_ATTEMPTS_KEPT] },
      failures: { $add: [{ $ifNull: ['$failures', 0] }, 1] },
      state: { $cond: ['$is_last_attempt', state, 'retrying'] },
      reason: { $cond: ['$is_last_attempt', null, '$reason'] },
      expire_at: { $cond: ['$is_last_attempt', expire_at, null] },
    },
  }];
}
