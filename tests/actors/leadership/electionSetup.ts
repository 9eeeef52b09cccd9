/** The election machine with its messages as plain actions, and leases in the states that its tests need. */
import { electionMachine } from '../../../src/actors/leadership/election.ts';
import type { ElectionInput } from '../../../src/actors/leadership/electionSetup.ts';
import type {
  Acquisition,
  DeadGrant,
  Grant,
  Lease,
  LeaseReading,
} from '../../../src/domain/leadership/lease.ts';
import { heldLease } from '../../support/leases.ts';
import { walk } from '../../support/machines/walk.ts';

export const T = Date.UTC(2030, 0, 1);
export const ME = { holder: 'r1', boot: 'b1', address: 'http://r1' };

export const INPUT: ElectionInput = {
  me: ME,
  timing: { durationMs: 3000, retryMs: 300, marginMs: 500 },
  random: () => 0.5,
  monotonicMs: () => 0,
};

export const MINE: Grant = { holder: 'r1', boot: 'b1', term: 8 };

/** Of the lease as `lease()` makes it. */
export const THEIRS: DeadGrant = { holder: 'r2', boot: 'b2', term: 7, diedAt: new Date(T) };

export const MARK = { claimedThroughMs: T, mirroredThroughMs: T };

/** A lease that ends `endsInMs` after T. */
export function lease(endsInMs: number, more: Partial<Lease> = {}): Lease {
  return heldLease('r2', 7, T, {
    boot: 'b2',
    latest_at: new Date(T),
    expires_at: new Date(T + endsInMs),
    watermark: MARK,
    ...more,
  });
}

export const HELD: LeaseReading = { lease: lease(2000), serverNowMs: T };
export const FREE: LeaseReading = { lease: lease(0), serverNowMs: T };
export const WON = lease(3000, { ...MINE, address: ME.address });
export const GOT: Acquisition = { lease: WON, previous: FREE.lease };
export const RENEWED = lease(4000, { ...MINE, address: ME.address });
export const ASKED: Lease = { ...RENEWED, step_down_term: 8 };
export const HINT = { type: 'HINT', hint: 'changed' } as const;
export const TAKEN = { type: 'HINT', hint: 'taken' } as const;
export const LEFT = { type: 'HINT', hint: 'left' } as const;
const silent = () => {};

/** With its messages to the parent as plain actions, so that a step shows them. */
export const machine = electionMachine.provide({
  actions: {
    role: silent,
    began: silent,
    ended: silent,
    seen: silent,
    won: silent,
    lost: silent,
    ending: silent,
    stopped: silent,
    report: silent,
    endTrust: silent,
    watchHolder: silent,
  },
});

export const start = (more: Partial<ElectionInput> = {}) => walk(machine, { ...INPUT, ...more });
export const candidate = () => start().answers('read', FREE);
export const leader = () => candidate().answers('acquire', GOT);
export const holding = () => leader().after('nextRenewal').answers('renew', RENEWED);
export const FOLLOWS = [['role', { role: 'follower' }], 'start watchLeader', 'start read'];
export const STOPPED = ['stopped'];

/** Nothing more is done before the next leader has begun. */
export const releasedBy = (by: string) => [['ended', { by }], 'endTrust', 'after 100'];
