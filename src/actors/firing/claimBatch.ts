/** What a claim asks of the store, from what the scheduler knows. */
import { nextMark } from '../../domain/firing/nextMark.ts';
import { graceMs, type Settler } from '../../domain/firing/settlement.ts';
import type { Grant } from '../../domain/leadership/lease.ts';
import { CLOCK_TOLERANCE_MS } from '../../domain/leadership/setBack.ts';
import type { Schedule } from '../../domain/schedules/schedule.ts';
import type { ClaimBatch, TimingKey } from './claimStore.ts';
import type { SchedulerContext } from './schedulerContext.ts';

export function claimBatch(context: SchedulerContext): ClaimBatch {
  const { progress, progress: { queue, mark }, inheritedThroughMs } = context;
  const nowMs = Math.floor(context.serverNowMs());
  return {
    grant: context.grant as Grant,
    durationMs: context.leaseDurationMs,
    requests: queue.taken.map(({ schedule, settlement, dueMs }) => ({
      scheduleId: schedule.id,
      revision: schedule.revision,
      effectiveFrom: schedule.effective_from,
      owedFromMs: dueMs,
      runs: settlement.runs,
      maxRuns: schedule.max_runs ?? null,
    })),
    marks: { present: mark, settled: nextMark(progress, nowMs, 'claimed') },
    mayBeClaimed: queue.taken.some(({ entry, settlement }) =>
      entry.surveyedTerm !== context.grant?.term &&
      settlement.runs.some((run) =>
        run.scheduled_for.getTime() <= Math.max(inheritedThroughMs, entry.mayBeClaimedThroughMs)
      )
    ),
    nowMs,
  };
}

export function timingKey({ id, created_at, timing_revision }: Schedule): TimingKey {
  return { id, createdAt: created_at, timingRevision: timing_revision };
}

/** By whom, and by which moment, occurrences are settled. */
export function settler(context: SchedulerContext): Settler {
  return {
    replica: context.replica,
    boot: context.boot,
    term: (context.grant as Grant).term,
    claimNumber: context.claimNumber,
    nowMs: Math.floor(context.serverNowMs()),
    termBeganMs: termBeganMs(context),
    graceMs: graceMs(context.leaseDurationMs),
    mayBeClaimedThroughMs: context.inheritedThroughMs,
  };
}

/** The beginning of the term, or now if the server's clock was set back to before it. */
export function termBeganMs({ termBeganMs, serverNowMs }: SchedulerContext): number {
  const nowMs = Math.floor(serverNowMs());
  return nowMs < termBeganMs - CLOCK_TOLERANCE_MS ? nowMs : termBeganMs;
}
