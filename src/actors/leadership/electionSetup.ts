/** The parts of the election: context, events, actors, actions, guards, delays. election.ts explains them. */
import { assign, fromCallback, fromPromise, sendParent, sendTo, setup } from 'xstate';
import {
  type Acquisition,
  type Candidate,
  type DeadGrant,
  type EndedBy,
  freeInMs,
  type Grant,
  holdsUnacknowledgedTerm,
  isHeldUnder,
  isToStepDown,
  type Lease,
  type LeaseReading,
  type ReleasedBy,
} from '../../domain/leadership/lease.ts';
import type { LeaseTiming } from '../../domain/leadership/leaseTiming.ts';
import { hasRunOut, type Unrenewed, unrenewedSince } from '../../domain/leadership/setBack.ts';
import type { Role } from '../../domain/membership/replica.ts';
import type { ElectionEvent, LeaseEvent, SchedulerEvent } from './electionEvents.ts';
import type { StopEvent } from '../shared/stopEvent.ts';
import { HEAD_START_MS, MEET_AFTER_MS } from './headStart.ts';
import type { LeaseHint } from './leaseStore.ts';
import { unfilled } from '../shared/slot.ts';

export interface ElectionInput {
  me: Candidate;
  timing: LeaseTiming;
  /** In [0, 1): jitter for reads of the lease. */
  random: () => number;
  monotonicMs: () => number;
}

interface Context extends ElectionInput {
  grant: Grant | null;
  /** The last term that we know we won; 0 before the first. */
  acknowledgedTerm: number;
  /** Time until a read may show something new, by the lease as last read, ms. */
  quietMs: number;
  /** The grant whose holder's process is gone, or whose lease has expired by our clock. */
  dead: DeadGrant | null;
  /** A lease that the server's clock can't expire, since it was set back; null if none. */
  unrenewed: Unrenewed | null;
  /** Why the lease is being released. */
  leaving: ReleasedBy;
  stopping: boolean;
}

/** For the watch on the leader's process. */
export type LeaderEvent = { type: 'LEADER'; reading: LeaseReading };

type Won = { acquisition: Acquisition };

/** What the election's machine is told. */
export type ElectionSignal =
  /** The lease may have changed. */
  | { type: 'HINT'; hint: LeaseHint }
  /** The process that holds the lease under this grant is gone. */
  | { type: 'LEADER.DEAD'; grant: DeadGrant }
  /** The trust window is over. */
  | { type: 'TRUST.OVER' }
  | SchedulerEvent
  | StopEvent;

export const election = setup({
  types: { context: {} as Context, input: {} as ElectionInput, events: {} as ElectionSignal },
  actors: {
    read: fromPromise<LeaseReading>(unfilled('election', 'read')),
    acquire: fromPromise<Acquisition | null, { me: Candidate; instead: DeadGrant | null }>(
      unfilled('election', 'acquire'),
    ),
    renew: fromPromise<Lease | null, { grant: Grant }>(unfilled('election', 'renew')),
    release: fromPromise<boolean, { grant: Grant; by: ReleasedBy }>(unfilled('election', 'release')),
    /** Sends HINT on events of the lease's change stream. */
    watchLease: fromCallback<ElectionSignal>(unfilled('election', 'watchLease')),
    /** Follows the lease's holder, watches that process, and sends LEADER.DEAD when it is gone. */
    watchLeader: fromCallback<LeaderEvent>(unfilled('election', 'watchLeader')),
    /** Sends TRUST.OVER as soon as the trust window is over. */
    watchTrust: fromCallback<ElectionSignal>(unfilled('election', 'watchTrust')),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('election', 'report')(),
    /** Closes the trust window of this term. */
    endTrust: () => unfilled('election', 'endTrust')(),
    role: sendParent(({ event }, { role }: { role: Role }): ElectionEvent => (
      { type: 'ELECTION.ROLE', role, by: event.type }
    )),
    began: sendParent((_, { acquisition }: Won): ElectionEvent => ({ type: 'ELECTION.BEGAN', acquisition })),
    ended: sendParent(({ context }, { by }: { by: EndedBy }): ElectionEvent => (
      { type: 'ELECTION.ENDED', term: context.grant?.term ?? 0, by }
    )),
    seen: sendParent((_, { lease }: { lease: Lease }): LeaseEvent => ({
      type: 'LEASE.SEEN',
      mark: lease.watermark,
    })),
    won: sendParent(({ context: { me } }, { lease, previous }: Acquisition): LeaseEvent => ({
      type: 'LEASE.WON',
      grant: grantOf(me, lease.term),
      lease,
      // Each claim renews.
      lastClaimMs: previous.latest_at?.getTime() ?? -Infinity,
    })),
    lost: sendParent((): LeaseEvent => ({ type: 'LEASE.LOST' })),
    ending: sendParent((): LeaseEvent => ({ type: 'LEASE.ENDING' })),
    stopped: sendParent(({ event }): ElectionEvent => ({ type: 'ELECTION.STOPPED', by: event.type })),
    noteReading: assign({
      quietMs: ({ context: { me } }, reading: LeaseReading) => freeInMs(reading, me.boot, HEAD_START_MS),
      unrenewed: ({ context: { unrenewed, monotonicMs } }, reading) =>
        unrenewedSince(unrenewed, reading, monotonicMs()),
    }),
    /** Another replica acquired the lease: no read before followers may connect to it. */
    holdBack: assign({ quietMs: MEET_AFTER_MS }),
    noteGrant: assign({
      grant: ({ context: { me } }, { lease }: { lease: Lease }) => grantOf(me, lease.term),
      acknowledgedTerm: (_, { lease }) => lease.term,
      dead: null,
    }),
    forgetGrant: assign({ grant: null }),
    noteDead: assign({ dead: (_, { grant }: { grant: DeadGrant }) => grant }),
    noteRunOut: assign({
      dead: (_, { lease: { holder, boot, term }, serverNowMs }: LeaseReading) => ({
        holder: holder as string,
        boot: boot as string,
        term,
        diedAt: new Date(serverNowMs),
      }),
      unrenewed: null,
    }),
    forgetDead: assign({ dead: null }),
    /** The watch on the leader's process follows the holder as read. */
    watchHolder: sendTo('watchLeader', (_, reading: LeaseReading) => ({ type: 'LEADER', reading })),
    noteStop: assign({ stopping: true }),
    noteLeaving: assign({ leaving: (_, { by }: { by: ReleasedBy }) => by }),
  },
  guards: {
    isMyTerm: ({ context, event }) => event.type === 'SCHEDULER.FENCED' && event.term === context.grant?.term,
    isStopping: ({ context }) => context.stopping,
    isLeftToMe: (_, { hint }: { hint: LeaseHint }) => hint === 'left',
    isTaken: (_, { hint }: { hint: LeaseHint }) => hint === 'taken',
    isFree: ({ context: { me, acknowledgedTerm } }, reading: LeaseReading) =>
      freeInMs(reading, me.boot, HEAD_START_MS) === 0 ||
      holdsUnacknowledgedTerm(reading.lease, me.boot, acknowledgedTerm),
    /** Held by us, under a term that we have ended: a renewal that timed out took effect. */
    isOwnStale: ({ context: { me, acknowledgedTerm } }, { lease }: LeaseReading) =>
      isHeldUnder(lease, grantOf(me, acknowledgedTerm)),
    isRunOut: ({ context: { unrenewed, monotonicMs } }, reading: LeaseReading) =>
      hasRunOut(unrenewed, reading, monotonicMs()),
    isHeldByDead: ({ context: { dead } }, { lease }: LeaseReading) =>
      dead !== null && isHeldUnder(lease, dead),
    /** The store answered that the lease is not ours. */
    isRefused: (_, { answer }: { answer: Lease | Acquisition | null }) => answer === null,
    isReleased: (_, { released }: { released: boolean }) => released,
    isToStepDown: (_, { answer }: { answer: Lease | null }) => answer !== null && isToStepDown(answer),
  },
  delays: {
    /** Jitter of ±10 %, so that replicas don't read in step; and right when the lease would expire. */
    nextLook: ({ context: { timing, random, quietMs } }) =>
      Math.min(timing.retryMs * (0.9 + 0.2 * random()), quietMs + 2 + 10 * random()),
    /** Of several that detected the death, one should be first by more than an acquisition takes. */
    stagger: ({ context: { random } }) => 30 * random(),
    nextTry: ({ context: { timing, random } }) => timing.retryMs * (0.9 + 0.2 * random()),
    nextRenewal: ({ context }) => context.timing.retryMs,
    headStart: HEAD_START_MS,
    settleLimit: ({ context }) => context.timing.durationMs,
    /** Long enough for a follower that depends on its next read. */
    yield: ({ context }) => 3 * context.timing.retryMs,
  },
});

export function grantOf({ holder, boot }: Candidate, term: number): Grant {
  return { holder, boot, term };
}
