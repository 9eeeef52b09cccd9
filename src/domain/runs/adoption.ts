/**
 * What becomes of an orphan: an open run whose executor is dead, or that was requested and has none yet (G7).
 * Pure: who is dead, and when that is looked at, is the business of the adoption machine and the store.
 */
import { parseDuration } from '../timing/duration.ts';
import { type AbandonReason, isHeld, isRunOf, isUnassigned, type Run } from './run.ts';
import type { Schedule } from '../schedules/schedule.ts';

/** What is to be done about one orphan, if it still is as it was found: as `run` says. */
export type Adoption =
  | { how: 'retry'; run: Run; at: Date }
  | { how: 'abandon'; run: Run; at: Date; reason: AbandonReason; expireAt: Date };

/** Who adopts. */
export interface Adopter {
  replica: string;
  boot: string;
  term: number;
}

/** What adoptions have come to. */
export interface Adopted {
  /** The runs that are the adopter's by them. */
  runs: Run[];
  /** Ids of the runs that were ended by them. */
  abandoned: string[];
}

/** How long an abandoned run is kept whose schedule, which would say so, is gone. */
const KEPT_WITHOUT_SCHEDULE = '168h';

/**
 * By the policy of its schedule as it is now. `schedule` is what our mirror has under the run's schedule
 * id, `isGone` whether the store has said that there is none, `nowMs` the server's time, epoch ms. Null:
 * the mirror does not have the schedule yet, or just now.
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
export function adopted(adoption: Adoption, by: Adopter): Partial<Run> {
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
 * What the adoptions have come to, by this try or an earlier one, given what is stored after it. Somebody else may have
 * been faster: then the run is in other hands, or was ended at another moment.
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
