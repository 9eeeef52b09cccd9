/** What to do with the orphans of one search. */
import type { DueQueue } from '../../domain/firing/dueQueue.ts';
import type { Grant } from '../../domain/leadership/lease.ts';
import { type Adopted, type Adopter, type Adoption, adoptionOf } from '../../domain/runs/adoption.ts';
import { isUnassigned, type Run } from '../../domain/runs/run.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import { type ExecutorWatch, hasLastedLongEnough } from './executorWatch.ts';

/** Runs in one adoption, at most (G9). */
export const MAX_ADOPTED = 500;

export interface SearchResult {
  orphans: Run[];
  /** Those of their schedules that the store does not have. */
  gone: ReadonlySet<string>;
}

export interface AdoptionPlan {
  adoptions: Adoption[];
  by: Adopter;
  /** The definitions to execute, even if one is deleted before the store answers. */
  schedules: ReadonlyMap<string, Schedule>;
  /** There may be more orphans than these. */
  more: boolean;
  /** When the plan was made; monotonic, ms. */
  decidedMs: number;
}

export const NO_PLAN: AdoptionPlan = {
  adoptions: [],
  by: { replica: '', boot: '', term: 0 },
  schedules: new Map(),
  more: false,
  decidedMs: -Infinity,
};

/** What a plan depends on besides the orphans. */
interface Planner {
  grant: Grant | null;
  watch: ExecutorWatch | null;
  queue: DueQueue;
  replica: string;
  boot: string;
  serverNowMs: () => number;
  monotonicMs: () => number;
  isTrusted: () => boolean;
}

export function planOf(planner: Planner, { orphans, gone }: SearchResult): AdoptionPlan {
  const { watch, queue, replica, boot, grant, serverNowMs, monotonicMs, isTrusted } = planner;
  const nowMs = Math.floor(serverNowMs());
  if (watch === null || grant === null || !isTrusted()) return NO_PLAN;
  const schedules = new Map<string, Schedule>();
  const adoptions = orphans.flatMap((run) => {
    if (!isUnassigned(run) && !hasLastedLongEnough(watch)) return [];
    const schedule = queue.get(run.schedule_id)?.schedule;
    if (schedule !== undefined) schedules.set(schedule.id, schedule);
    return adoptionOf(run, schedule, gone.has(run.schedule_id), nowMs) ?? [];
  });
  const by = { replica, boot, term: grant.term };
  const more = adoptions.length > 0 && orphans.length >= MAX_ADOPTED;
  return { adoptions, by, schedules, more, decidedMs: monotonicMs() };
}

/** The results, with the number of manual runs among the adopted ones. */
export function withManual({ adoptions }: AdoptionPlan, results: Adopted): Adopted & { manual: number } {
  const manual = new Set(adoptions.filter(({ run }) => isUnassigned(run)).map(({ run }) => run.id));
  return { ...results, manual: results.runs.filter(({ id }) => manual.has(id)).length };
}
