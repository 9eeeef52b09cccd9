/** Input of the adoption machine, and the orphan that its tests need. */
import type { AdoptionInput } from '../../../src/actors/runs/adoption.ts';
import type { Lease } from '../../../src/domain/leadership/lease.ts';
import { lost } from '../../../src/domain/runs/life.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { claimed } from '../../support/runs.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

export const T = Date.UTC(2030, 0, 1);
export const ORPHAN = claimed('s', T - 10_000);

export const WON = {
  type: 'LEASE.WON' as const,
  grant: { holder: 'r2', boot: 'b2', term: 7 },
  lease: {} as Lease,
  lastClaimMs: T,
};

export const LOST = { type: 'LEASE.LOST' as const };
export const ENDING = { type: 'LEASE.ENDING' as const };

/** The run after it was taken from its executor. */
export function afterLoss(run: Run, atMs = T): Run {
  return { ...run, ...lost(run, new Date(atMs)).set };
}

export function input(clock: SimClock = new SimClock(T)) {
  /** By how much the server's clock was set. */
  const stepped = { ms: 0, atMs: -Infinity };
  const trust = { is: true };
  return {
    stepped,
    trust,
    input: {
      boot: 'b2',
      serverNowMs: () => clock.now() + stepped.ms,
      monotonicMs: () => clock.monotonic(),
      clockSetMs: () => stepped.atMs,
      isTrusted: () => trust.is,
    } satisfies AdoptionInput,
  };
}
