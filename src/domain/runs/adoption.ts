/**
 * Adoption of orphans: open runs whose executor is dead, and manual runs that have none yet (G7). Pure:
 * the adoption machine and the store decide which executors are dead, and when to search.
 */
import { parseDuration } from '../timing/duration.ts';
import { type AbandonReason, type AssignedRun, isHeld, isRunOf, isUnassigned, type Run } from './run.ts';
import type { Schedule } from '../schedules/schedule.ts';

/** The adoption of one orphan, applied only if the stored run still is as in `run`. */
export type Adoption =
  | { how: 'retry'; run: Run; at: Date }
  | { how: 'abandon'; run: Run; at: Date; reason: AbandonReason; expireAt: Date };

/** The adopting leader's grant. */
export interface Adopter {
  replica: string;
  boot: string;
  term: number;
}

/** Results of adoptions. */
export interface Adopted {
  /** Runs that now belong to the adopter. */
  runs: Run[];
  /** Ids of the runs that adoptions ended. */
  abandoned: string[];
}

/** Retention of an abandoned run whose schedule, with its `history`, is gone. */
const KEPT_WITHOUT_SCHEDULE = '168h';

/**
 * Follows the schedule's current policy. `schedule`: the mirror's entry of the run's schedule id.
 * `isGone`: the store has no schedule of that id. `nowMs`: server time, epoch ms. Null while the
 * mirror does not have the schedule.
 */
export function adoptionOf(
  run: Run,
  schedule: Schedule | undefined,
  isGone: boolean,
  nowMs: number,
): Adoption | null {
  const at = new Date(nowMs);
  if (schedule !== undefined && isRunOf(run, schedule)) {
    if (isUnassigned(run) || schedule.policy.on_executor_loss !== 'abandon') return { how: 'retry', run, at };
    return abandoned(run, nowMs, 'executor_lost', schedule.history.failure);
  }
  if (schedule === undefined && !isGone) return null;
  return abandoned(run, nowMs, 'schedule_gone', KEPT_WITHOUT_SCHEDULE);
}

function abandoned(run: Run, nowMs: number, reason: AbandonReason, kept: string): Adoption {
  const expireAt = new Date(nowMs + parseDuration(kept));
  return { how: 'abandon', run, at: new Date(nowMs), reason, expireAt };
}

/** The fields of the run that the adoption changes, with their new values. */
export function adopted(adoption: Adoption, by: Adopter): Partial<AssignedRun> {
  const { run, at } = adoption;
  if (adoption.how === 'abandon') {
    return { state: 'abandoned', reason: adoption.reason, finished_at: at, expire_at: adoption.expireAt };
  }
  return {
    state: 'claimed',
    attempt: run.attempt + 1,
    executor: by.replica,
    executor_boot: by.boot,
    term: by.term,
    claimed_at: at,
    started_at: null,
  };
}

/**
 * Results of the adoptions, by this try or an earlier one, from what is stored afterwards. If
 * another replica was faster, the run has another executor, or ended at another moment.
 */
export function adoptedBy(
  adoptions: readonly Adoption[],
  { boot }: Adopter,
  stored: (runId: string) => Run | null | undefined,
): Adopted {
  const done: Adopted = { runs: [], abandoned: [] };
  for (const adoption of adoptions) {
    const { id, attempt } = adoption.run;
    const run = stored(id);
    if (adoption.how === 'abandon') {
      const { reason, at } = adoption;
      const isOurs = run?.state === 'abandoned' && run.reason === reason && run.attempt === attempt &&
        run.finished_at?.getTime() === at.getTime();
      if (isOurs) done.abandoned.push(id);
    } else if (isHeld(run, { attempt: attempt + 1, executor_boot: boot })) done.runs.push(run);
  }
  return done;
}
