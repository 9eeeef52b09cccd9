/** Input of the adoption machine, and the orphans that its tests need. */
import type { AdoptionInput } from '../../../src/actors/runs/adoption.ts';
import type { SearchResult } from '../../../src/actors/runs/adoptionPlan.ts';
import type { JobPool } from '../../../src/actors/runs/jobs.ts';
import type { Adopted } from '../../../src/domain/runs/adoption.ts';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import type { Lease } from '../../../src/domain/leadership/lease.ts';
import { manualRun, type Run } from '../../../src/domain/runs/run.ts';
import { NO_MARK } from '../../support/leases.ts';
import { claimed } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

export const T = Date.UTC(2030, 0, 1);
export const SCHEDULE = every(100, T - 60_000);
export const ORPHAN = claimed('s', T - 10_000);
export const MINE = { ...ORPHAN, attempt: 2, executor: 'r2', executor_boot: 'b2', term: 7 };

export const WON = {
  type: 'LEASE.WON' as const,
  grant: { holder: 'r2', boot: 'b2', term: 7 },
  lease: {} as Lease,
  lastClaimMs: T,
};

export const LOST = { type: 'LEASE.LOST' as const };
export const ENDING = { type: 'LEASE.ENDING' as const };
export const REQUESTED = { type: 'LEASE.REQUESTED' as const };
export const ASKED_FOR = manualRun(SCHEDULE, T - 10, 'one');

/** What has come of an adoption. */
export const done = (...runs: Run[]): Adopted => ({ runs, abandoned: [] });

export const found = (...orphans: Run[]): SearchResult => ({ orphans, gone: new Set() });

export function input(clock: SimClock = new SimClock(T)) {
  /** By how much the server's clock was set. */
  const stepped = { ms: 0, atMs: -Infinity };
  const trust = { is: true };
  const queue = new DueQueue();
  queue.put(SCHEDULE, NO_MARK);
  const adopted: [string, string][] = [];
  const since: number[] = [];
  const jobs = {
    adopted(schedule, runs, oursSinceMs) {
      adopted.push(...runs.map((run): [string, string] => [schedule.id, run.id]));
      since.push(oursSinceMs);
    },
  } as Pick<JobPool, 'adopted'> as JobPool;
  return {
    adopted,
    since,
    queue,
    stepped,
    trust,
    input: {
      queue,
      jobs,
      replica: 'r2',
      boot: 'b2',
      serverNowMs: () => clock.now() + stepped.ms,
      monotonicMs: () => clock.monotonic(),
      clockSetMs: () => stepped.atMs,
      isTrusted: () => trust.is,
    } satisfies AdoptionInput,
  };
}
