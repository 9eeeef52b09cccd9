/** Input and events of the replica's machine. */
import { JobPool } from '../../src/actors/runs/jobs.ts';
import type { ReplicaInput } from '../../src/actors/replica.ts';
import { Progress } from '../../src/domain/firing/progress.ts';
import { DueQueue } from '../../src/domain/firing/dueQueue.ts';
import { NO_MARK } from '../support/leases.ts';

export const STOP = { type: 'STOP' as const };
export const LOADED = { type: 'MIRROR.LOADED' as const, schedules: [], mark: NO_MARK };
export const STOPPED = { type: 'ELECTION.STOPPED' as const, by: 'released' };
export const LEADER = { type: 'ELECTION.ROLE' as const, role: 'leader' as const, by: 'acquired' };

export function input(): ReplicaInput {
  return {
    graceMs: 5000,
    election: {
      me: { holder: 'r1', boot: 'b1', address: 'http://r1' },
      timing: { durationMs: 3000, retryMs: 300, marginMs: 500 },
      random: () => 0.5,
      monotonicMs: () => 0,
    },
    scheduler: {
      progress: new Progress(),
      jobs: {} as JobPool,
      replica: 'r1',
      boot: 'b1',
      leaseDurationMs: 3000,
      serverNowMs: () => 0,
      monotonicMs: () => 0,
      isTrusted: () => true,
      onSetAside: () => {},
    },
    adoption: {
      queue: new DueQueue(),
      jobs: {} as JobPool,
      replica: 'r1',
      boot: 'b1',
      serverNowMs: () => 0,
      monotonicMs: () => 0,
      clockSetMs: () => -Infinity,
      isTrusted: () => true,
    },
    presence: { serverNowMs: () => 0 },
  };
}
