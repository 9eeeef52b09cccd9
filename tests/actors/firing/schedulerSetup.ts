/** The scheduler as an actor, with a clock, a queue and a store that the test controls. */
import { jobMachine } from '../../../src/actors/runs/job.ts';
import { JobPool } from '../../../src/actors/runs/jobs.ts';
import type { ClaimBatch, ClaimResult, TimingKey } from '../../../src/actors/firing/claimStore.ts';
import { runMachine } from '../../../src/actors/runs/run.ts';
import { nextMark } from '../../../src/domain/firing/nextMark.ts';
import { schedulerMachine } from '../../../src/actors/firing/scheduler.ts';
import { claimMark } from '../../../src/domain/firing/claimMark.ts';
import { Progress } from '../../../src/domain/firing/progress.ts';
import type { Grant, Lease } from '../../../src/domain/leadership/lease.ts';
import type { Watermark } from '../../../src/domain/leadership/watermark.ts';
import type { OwnedRun, Run, RunWork } from '../../../src/domain/runs/run.ts';
import { Backlog } from '../../../src/domain/runs/backlog.ts';
import { Places } from '../../../src/domain/runs/places.ts';
import type { NotUnderstood, Schedule } from '../../../src/domain/schedules/schedule.ts';
import { heldLease } from '../../support/leases.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { every } from '../../support/schedules.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

export const T = Date.UTC(2030, 0, 1);
export const GRANT: Grant = { holder: 'r1', boot: 'b1', term: 8 };
export const NEXT_GRANT: Grant = { ...GRANT, term: 9 };

export const mark = (claimedMs: number, mirroredMs = claimedMs): Watermark => ({
  claimedThroughMs: T + claimedMs,
  mirroredThroughMs: T + mirroredMs,
});

export function lease(term: number, watermark: Watermark, acquiredMs = 0): Lease {
  return heldLease('r1', term, T + acquiredMs, { boot: 'b1', watermark });
}

export const won = (watermark = mark(0), grant = GRANT, acquiredMs = 0) => ({
  type: 'LEASE.WON' as const,
  grant,
  lease: lease(grant.term, watermark, acquiredMs),
  lastClaimMs: T - 10_000,
});
export const LOST = { type: 'LEASE.LOST' as const };
export const ENDING = { type: 'LEASE.ENDING' as const };
export const loadedEvent = (...schedules: Schedule[]) => ({
  type: 'MIRROR.LOADED' as const,
  schedules,
  notUnderstood: [],
  mark: mark(0),
});
export const upsert = (schedule: Schedule) => ({
  type: 'MIRROR.CHANGED' as const,
  change: { kind: 'upsert' as const, schedule },
});
export const deleted = (id: string) => ({
  type: 'MIRROR.CHANGED' as const,
  change: { kind: 'delete' as const, id },
});
/** What the store has under these ids is not understood. */
export const oddNow = (id: string) => ({
  type: 'MIRROR.CHANGED' as const,
  change: { kind: 'not understood' as const, schedule: odd(id) },
});
export const odd = (id: string): NotUnderstood => ({ id, not_understood: 'its type is unknown' });
export const mirrored = (ms: number) => ({ type: 'MIRROR.PROGRESS' as const, throughMs: T + ms });

/**
 * The scheduler on a simulated clock that starts at T, with `schedules` loaded; claims and runs end when the
 * test says so.
 */
export function running(...schedules: Schedule[]) {
  const clock = new SimClock(T);
  const progress = new Progress();
  const { queue } = progress;
  const claim = calls<ClaimResult, ClaimBatch>();
  const resolve = calls<Run[], { runs: Run[] }>();
  const execute = executions();
  const jobs = poolOf(clock, execute);
  const places = new Places(500);
  const backlog = new Backlog();
  const survey = calls<Map<string, number>, { of: TimingKey[] }>();
  const tests = {
    trusted: true,
    skewMs: 0,
    reports: [] as string[],
    claimed: [] as unknown[],
    setAside: [] as string[],
  };
  const under = underParent(
    schedulerMachine.provide({
      actors: { claim: claim.slot, resolve: resolve.slot, survey: survey.slot },
      actions: {
        report: (_, { message }) => void tests.reports.push(message),
        claimed: (_, { runs, duplicates, stale }) =>
          void tests.claimed.push({ runs: runs.length, duplicates, stale }),
      },
    }),
    {
      clock,
      input: {
        progress,
        jobs,
        places,
        backlog,
        replica: 'r1',
        boot: 'b1',
        leaseDurationMs: 3000,
        serverNowMs: () => clock.now() + tests.skewMs,
        monotonicMs: () => clock.monotonic(),
        isTrusted: () => tests.trusted,
        onSetAside: (schedules) => void tests.setAside.push(...schedules.map(({ id }) => id)),
      },
    },
  );
  under.child.send(loadedEvent(...schedules));
  return {
    ...{ clock, progress, queue, claim, resolve, execute, jobs, places, backlog, survey, tests },
    machine: under,
    send: under.child.send,
    context: () => under.child.getSnapshot().context,
    /** What was executed: milliseconds after T. */
    executed: () => execute.list.map(({ input }) => offset(input.run)),
    /** The claim that is in flight is committed, but for the schedules that are stale. */
    async commit(stale: string[] = [], duplicates: string[] = [], exhausted: string[] = []) {
      const batch = claim.last.input;
      const fresh = batch.requests.filter(({ scheduleId }) => !stale.includes(scheduleId));
      await claim.last.answer({
        kind: 'committed',
        lease: lease(batch.grant.term, written(batch, stale)),
        runs: fresh.flatMap(({ runs }) => runs).filter(({ id }) => !duplicates.includes(id)),
        stale,
        duplicates,
        exhausted,
      });
    },
  };
}

const executions = () => calls<{ output: string | null }, { run: OwnedRun; work: RunWork }>();

function poolOf(clock: SimClock, execute: ReturnType<typeof executions>): JobPool {
  const silent = () => {};
  return new JobPool(
    jobMachine.provide({ actions: { settled: silent, lost: silent, crashed: silent } }),
    runMachine.provide({ actors: { execute: execute.slot } }),
    { clock, serverNowMs: () => clock.now(), random: () => 0.5 },
  );
}

/** The watermark that a claim writes. */
export const written = ({ marks, requests }: ClaimBatch, stale: string[] = []) =>
  claimMark(marks, requests, stale);

export const offset = (run: Run) => run.scheduled_for.getTime() - T;
/** What a batch claims: milliseconds after T, by schedule. */
export const asks = (batch: ClaimBatch) =>
  Object.fromEntries(batch.requests.map(({ scheduleId, runs }) => [scheduleId, runs.map(offset)]));

export const A = every(100, T, { id: 'a' });
export const B = every(100, T, { id: 'b' });

/** The leader, with these schedules; what its mirror knows is as old as the clock says. */
export function leading(...schedules: Schedule[]) {
  const it = running(...schedules);
  it.send(mirrored(0));
  it.send(won());
  return {
    ...it,
    async advance(ms: number) {
      await it.clock.advance(ms);
      it.send(mirrored(it.clock.now() - T));
    },
    /** What the next renewal writes. */
    mark: () => nextMark(it.progress, it.clock.now(), 'now'),
    seen: (watermark: Watermark) => it.send({ type: 'LEASE.SEEN', mark: watermark }),
  };
}
