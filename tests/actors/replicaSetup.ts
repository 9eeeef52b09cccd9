/** Input and events of the replica's machine. */
import { JobPool } from '../../src/actors/runs/jobs.ts';
import type { ReplicaInput } from '../../src/actors/replica.ts';
import { Progress } from '../../src/domain/firing/progress.ts';
import { Backlog } from '../../src/domain/runs/backlog.ts';
import { Places } from '../../src/domain/runs/places.ts';
import { NO_MARK } from '../support/leases.ts';

export const STOP = { type: 'STOP' as const };
export const LOADED = { type: 'MIRROR.LOADED' as const, schedules: [], mark: NO_MARK };
export const STOPPED = { type: 'ELECTION.STOPPED' as const, by: 'released' };
export const LEADER = { type: 'ELECTION.ROLE' as const, role: 'leader' as const, by: 'acquired' };

export function input(): ReplicaInput {
  const shared = {
    jobs: {} as JobPool,
    places: new Places(500),
    backlog: new Backlog(),
    replica: 'r1',
    boot: 'b1',
    serverNowMs: () => 0,
    monotonicMs: () => 0,
    isTrusted: () => true,
  };
  return {
    graceMs: 5000,
    election: {
      me: { holder: 'r1', boot: 'b1', address: 'http://r1' },
      timing: { durationMs: 3000, retryMs: 300, marginMs: 500 },
      random: () => 0.5,
      monotonicMs: () => 0,
    },
    scheduler: { ...shared, progress: new Progress(), leaseDurationMs: 3000, onSetAside: () => {} },
    executor: { ...shared, standbyExecutes: true },
    cancellation: shared,
    adoption: { ...shared, clockSetMs: () => -Infinity },
    presence: { serverNowMs: () => 0 },
  };
}
