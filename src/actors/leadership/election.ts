/**
 * The election: one replica's part in deciding who leads. The lease document in the store is the only judge;
 * this machine asks it, and keeps its answer no longer than it can be true.
 *
 *           free, or its holder dead?   won
 *   follower ───────▶ candidate ───▶ leader ──STOP──▶ resigning ──▶ stopped
 *      ▲  ▲               │            │ └─asked to step down─▶ │
 *      │  └──lost, no answer┘            │ fenced: the lease names another grant
 *      ├─────────────────────────────┘ expired: not renewed within the trust window
 *      └──yielding, so that another one is first───────────┘
 *
 * - follower looks at the lease every retry period, at its very end, and whenever the change stream hints
 *   that something happened. Looking is the truth, the hint only makes it early. When the lease was left to an heir,
 *   that one is told, and asks for it without a look; the others leave it alone for a moment.
 * - follower also holds a liveness connection to the leader's process. When that breaks without a goodbye, and the
 *   process turns out to be gone, it does not wait for the lease to run out: after a short, random moment, so that
 *   one of several is the first, it pre-empts exactly that grant. Safe, since only the store decides who leads (G3).
 *   A mere timeout is no sign of death.
 * - A server's clock that is set back gives the lease a longer life than its holder asked for. A follower that sees
 *   that, and sees no renewal for the length of the lease by its own monotonic clock, takes it from that grant too.
 * - candidate makes one compare-and-set. Any number of replicas may: the store lets one through. An
 *   acquisition whose answer is lost may have won; the next look, or the next acquisition, of the same process
 *   recognises its own lease, and takes it over under a new term.
 * - leader renews every retry period, and on a hint, which may mean that the lease was taken from it or that it is
 *   asked to step down. A claim renews too. A watchdog on the monotonic clock ends the term
 *   before the lease can be over for others, also when the store never answers.
 *   If the store says afterwards that the lease is still ours, since a renewal came through that we had given up, we
 *   give it back, so that nobody has to wait for it to run out.
 * - resigning lets the scheduler settle the batch in flight, then gives the lease back and names an heir, so that
 *   another can have it at once. A leader may also be asked to step down: a command in the lease document, good for one
 *   term, which is seen with the next renewal (the change stream hints at it). It becomes a follower, and
 *   leaves the lease to the others for a moment. One that stops does nothing more until the next leader has begun.
 *
 * What is not promised: that no two replicas ever *believe* that they lead (a frozen process believes what it
 * believed). What is: only the one whose grant is in the lease document can claim anything (G3).
 *
 * Can never happen: a term without a beginning or with two ends; `LEASE.WON` for a grant that was not in the
 * store; a renewal under trust that is over.
 */
import { assign, fromCallback, fromPromise, sendParent, sendTo, setup } from 'xstate';
import {
  type Acquisition,
  type Candidate,
  type DeadGrant,
  type EndedBy,
  freeInMs,
  type Grant,
  hasRunOut,
  isHeldUnder,
  isToStepDown,
  isWonUnheard,
  type Lease,
  type LeaseReading,
  type LeaseTiming,
  type ReleasedBy,
  type Unrenewed,
  unrenewedSince,
} from '../../domain/leadership/lease.ts';
import type { Role } from '../../domain/membership/replica.ts';
import type { ElectionEvent, LeaseEvent, SchedulerEvent } from './electionEvents.ts';
import type { StopEvent } from '../shared/stopEvent.ts';
import { HEAD_START_MS, MEET_AFTER_MS } from './headStart.ts';
import type { LeaseHint } from './leaseStore.ts';
import { unfilled } from '../shared/slot.ts';

export interface ElectionInput {
  me: Candidate;
  timing: LeaseTiming;
  /** In [0, 1): spreads the looks of the replicas. */
  random: () => number;
  monotonicMs: () => number;
}

interface Context extends ElectionInput {
  grant: Grant | null;
  /** The last term that we know we won; 0 before the first. */
  heardTerm: number;
  /** How long until there may be something to see, by what is known of the lease, ms. */
  quietMs: number;
  /** The grant whose holder's process is gone, or has let its lease run out by our clock. */
  dead: DeadGrant | null;
  /** A lease that the server's clock can't end, since it was set back; null when there is none. */
  unrenewed: Unrenewed | null;
  /** Why the lease is being given back. */
  leaving: ReleasedBy;
  stopping: boolean;
}

/** For the watch on the leader's process. */
export type LeaderEvent = { type: 'LEADER'; reading: LeaseReading };

type Won = { acquisition: Acquisition };

type Event =
  /** The lease may have changed. */
  | { type: 'HINT'; hint: LeaseHint }
  /** A run was requested: for whoever leads. */
  | { type: 'REQUEST' }
  /** The process that holds the lease under this grant is gone. */
  | { type: 'LEADER.DEAD'; grant: DeadGrant }
  /** The trust window is over. */
  | { type: 'TRUST.OVER' }
  | SchedulerEvent
  | StopEvent;

export const electionMachine = setup({
  types: { context: {} as Context, input: {} as ElectionInput, events: {} as Event },
  actors: {
    read: fromPromise<LeaseReading>(unfilled('election', 'read')),
    acquire: fromPromise<Acquisition | null, { me: Candidate; instead: DeadGrant | null }>(
      unfilled('election', 'acquire'),
    ),
    renew: fromPromise<Lease | null, { grant: Grant }>(unfilled('election', 'renew')),
    release: fromPromise<boolean, { grant: Grant; by: ReleasedBy }>(unfilled('election', 'release')),
    /** Sends HINT or REQUEST when the change stream on the lease says something. */
    watchLease: fromCallback<Event>(unfilled('election', 'watchLease')),
    /** Is told who leads, watches that process, and sends LEADER.DEAD when it is gone. */
    watchLeader: fromCallback<LeaderEvent>(unfilled('election', 'watchLeader')),
    /** Sends TRUST.OVER as soon as the trust window is over. */
    watchTrust: fromCallback<Event>(unfilled('election', 'watchTrust')),
  },
  actions: {
    report: (_, _params: { message: string; error: unknown }) => unfilled('election', 'report')(),
    /** Nothing of what was believed about this term counts any more. */
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
    requested: sendParent((): LeaseEvent => ({ type: 'LEASE.REQUESTED' })),
    ending: sendParent((): LeaseEvent => ({ type: 'LEASE.ENDING' })),
    stopped: sendParent(({ event }): ElectionEvent => ({ type: 'ELECTION.STOPPED', by: event.type })),
    noteReading: assign({
      quietMs: ({ context: { me } }, reading: LeaseReading) => freeInMs(reading, me.boot, HEAD_START_MS),
      unrenewed: ({ context: { unrenewed, monotonicMs } }, reading) =>
        unrenewedSince(unrenewed, reading, monotonicMs()),
    }),
    /** Somebody else has taken the lease, and is not to be met before. */
    standAside: assign({ quietMs: MEET_AFTER_MS }),
    noteGrant: assign({
      grant: ({ context: { me } }, { lease }: { lease: Lease }) => grantOf(me, lease.term),
      heardTerm: (_, { lease }) => lease.term,
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
    /** The watch on the leader's process follows what was read. */
    watchHolder: sendTo('watchLeader', (_, reading: LeaseReading) => ({ type: 'LEADER', reading })),
    noteStop: assign({ stopping: true }),
    noteLeaving: assign({ leaving: (_, { by }: { by: ReleasedBy }) => by }),
  },
  guards: {
    isMyTerm: ({ context, event }) => event.type === 'SCHEDULER.FENCED' && event.term === context.grant?.term,
    isStopping: ({ context }) => context.stopping,
    isLeftToMe: (_, { hint }: { hint: LeaseHint }) => hint === 'left',
    isTaken: (_, { hint }: { hint: LeaseHint }) => hint === 'taken',
    isFree: ({ context: { me, heardTerm } }, reading: LeaseReading) =>
      freeInMs(reading, me.boot, HEAD_START_MS) === 0 || isWonUnheard(reading.lease, me.boot, heardTerm),
    /** By us, under a term that we have ended; a renewal took effect that we no longer waited for. */
    isLeftBehind: ({ context: { me, heardTerm } }, { lease }: LeaseReading) =>
      isHeldUnder(lease, grantOf(me, heardTerm)),
    isRunOut: ({ context: { unrenewed, monotonicMs } }, reading: LeaseReading) =>
      hasRunOut(unrenewed, reading, monotonicMs()),
    isHeldByDead: ({ context: { dead } }, { lease }: LeaseReading) =>
      dead !== null && isHeldUnder(lease, dead),
    /** The store has answered that somebody else holds the lease. */
    isRefused: (_, { answer }: { answer: Lease | Acquisition | null }) => answer === null,
    isReleased: (_, { released }: { released: boolean }) => released,
    isToStepDown: (_, { answer }: { answer: Lease | null }) => answer !== null && isToStepDown(answer),
  },
  delays: {
    /** A tenth more or less, so that replicas don't look in step; and right when the lease would be over. */
    nextLook: ({ context: { timing, random, quietMs } }) =>
      Math.min(timing.retryMs * (0.9 + 0.2 * random()), quietMs + 2 + 10 * random()),
    /** Of several that saw the leader die, one should be first by more than an acquisition takes. */
    stagger: ({ context: { random } }) => 30 * random(),
    nextTry: ({ context: { timing, random } }) => timing.retryMs * (0.9 + 0.2 * random()),
    nextRenewal: ({ context }) => context.timing.retryMs,
    headStart: HEAD_START_MS,
    settleLimit: ({ context }) => context.timing.durationMs,
    /** Long enough for a follower that has to find out by looking. */
    yield: ({ context }) => 3 * context.timing.retryMs,
  },
}).createMachine({
  id: 'election',
  context: ({ input }) => ({
    ...input,
    grant: null,
    heardTerm: 0,
    quietMs: 0,
    dead: null,
    unrenewed: null,
    leaving: 'released',
    stopping: false,
  }),
  initial: 'follower',
  invoke: { src: 'watchLease' },
  on: { STOP: { actions: 'noteStop' } },
  states: {
    follower: {
      entry: { type: 'role', params: { role: 'follower' } },
      invoke: { src: 'watchLeader', id: 'watchLeader' },
      always: { guard: 'isStopping', target: 'stopped' },
      on: {
        'LEADER.DEAD': {
          target: '.challenging',
          actions: { type: 'noteDead', params: ({ event }) => event },
        },
      },
      initial: 'looking',
      states: {
        looking: {
          invoke: {
            src: 'read',
            onDone: [
              {
                guard: { type: 'isFree', params: ({ event }) => event.output },
                target: '#election.candidate',
                actions: { type: 'seen', params: ({ event }) => event.output },
              },
              {
                guard: { type: 'isLeftBehind', params: ({ event }) => event.output },
                target: 'returning',
                actions: ['forgetDead', { type: 'seen', params: ({ event }) => event.output }],
              },
              {
                // A pre-emption that came to nothing for another reason than that somebody else was first.
                guard: { type: 'isHeldByDead', params: ({ event }) => event.output },
                target: 'challenging',
                actions: { type: 'seen', params: ({ event }) => event.output },
              },
              {
                guard: { type: 'isRunOut', params: ({ event }) => event.output },
                target: 'challenging',
                actions: [
                  { type: 'noteRunOut', params: ({ event }) => event.output },
                  { type: 'seen', params: ({ event }) => event.output },
                ],
              },
              {
                target: 'watching',
                actions: [
                  'forgetDead',
                  { type: 'noteReading', params: ({ event }) => event.output },
                  { type: 'watchHolder', params: ({ event }) => event.output },
                  { type: 'seen', params: ({ event }) => event.output },
                ],
              },
            ],
            onError: {
              target: 'blind',
              actions: {
                type: 'report',
                params: ({ event }) => ({
                  message: 'the lease could not be read; trying again',
                  error: event.error,
                }),
              },
            },
          },
          // What the store was asked before the hint may be old news by now.
          on: { HINT: { target: 'looking', reenter: true } },
        },
        watching: {
          after: { nextLook: 'looking' },
          on: {
            HINT: [
              // To look first would take as long as to ask for it.
              { guard: { type: 'isLeftToMe', params: ({ event }) => event }, target: '#election.candidate' },
              {
                guard: { type: 'isTaken', params: ({ event }) => event },
                target: 'watching',
                reenter: true,
                actions: 'standAside',
              },
              { target: 'looking' },
            ],
          },
        },
        blind: { after: { nextTry: 'looking' }, on: { HINT: 'looking' } },
        /** The leader's process is gone. A hint may say that somebody else was first: the next look tells. */
        challenging: { after: { stagger: '#election.candidate' }, on: { HINT: 'looking' } },
        /** What we do not trust in any more holds others up for as long as it is ours in the store. */
        returning: {
          invoke: {
            src: 'release',
            input: ({ context: { me, heardTerm } }) => ({ grant: grantOf(me, heardTerm), by: 'expired' }),
            onDone: 'yielding',
            onError: {
              target: 'blind',
              actions: {
                type: 'report',
                params: ({ event }) => ({
                  message: 'the lease of a term that is over could not be given back; trying again',
                  error: event.error,
                }),
              },
            },
          },
        },
        /** We have led: somebody else is to be first. */
        yielding: { after: { yield: 'looking' } },
      },
    },
    candidate: {
      entry: { type: 'role', params: { role: 'candidate' } },
      invoke: {
        src: 'acquire',
        input: ({ context: { me, dead } }) => ({ me, instead: dead }),
        onDone: [
          {
            guard: { type: 'isRefused', params: ({ event }) => ({ answer: event.output }) },
            target: 'follower.looking',
            actions: 'forgetDead',
          },
          {
            // Asked to stop while the answer was on its way: what was won is given back at once.
            guard: 'isStopping',
            target: 'resigning.releasing',
            actions: [
              { type: 'noteLeaving', params: { by: 'released' } },
              { type: 'noteGrant', params: ({ event }) => event.output as Acquisition },
              { type: 'began', params: ({ event }) => ({ acquisition: event.output as Acquisition }) },
            ],
          },
          {
            target: 'leader',
            actions: [
              { type: 'noteGrant', params: ({ event }) => event.output as Acquisition },
              { type: 'began', params: ({ event }) => ({ acquisition: event.output as Acquisition }) },
              { type: 'won', params: ({ event }) => event.output as Acquisition },
            ],
          },
        ],
        onError: {
          target: 'follower.blind',
          actions: {
            type: 'report',
            params: ({ event }) => ({
              message: 'the lease could not be acquired; trying again',
              error: event.error,
            }),
          },
        },
      },
    },
    leader: {
      entry: { type: 'role', params: { role: 'leader' } },
      invoke: { src: 'watchTrust' },
      initial: 'holding',
      on: {
        STOP: {
          target: 'resigning',
          actions: ['noteStop', { type: 'noteLeaving', params: { by: 'released' } }],
        },
        REQUEST: { actions: 'requested' },
        'TRUST.OVER': {
          target: 'follower',
          actions: ['endTrust', 'lost', { type: 'ended', params: { by: 'expired' } }, 'forgetGrant'],
        },
        'SCHEDULER.FENCED': {
          guard: 'isMyTerm',
          target: 'follower',
          actions: ['endTrust', 'lost', { type: 'ended', params: { by: 'fenced' } }, 'forgetGrant'],
        },
      },
      states: {
        holding: { after: { nextRenewal: 'renewing' }, on: { HINT: 'renewing' } },
        renewing: {
          invoke: {
            src: 'renew',
            input: ({ context }) => ({ grant: context.grant as Grant }),
            onDone: [
              {
                guard: { type: 'isRefused', params: ({ event }) => ({ answer: event.output }) },
                target: '#election.follower',
                actions: ['endTrust', 'lost', { type: 'ended', params: { by: 'fenced' } }, 'forgetGrant'],
              },
              {
                guard: { type: 'isToStepDown', params: ({ event }) => ({ answer: event.output }) },
                target: '#election.resigning',
                actions: { type: 'noteLeaving', params: { by: 'stepped down' } },
              },
              {
                target: 'holding',
                actions: { type: 'seen', params: ({ event }) => ({ lease: event.output as Lease }) },
              },
            ],
            onError: {
              target: 'holding',
              actions: {
                type: 'report',
                params: ({ event }) => ({
                  message: 'the lease could not be renewed; trying again',
                  error: event.error,
                }),
              },
            },
          },
        },
      },
    },
    resigning: {
      entry: [{ type: 'role', params: { role: 'resigning' } }],
      initial: 'settling',
      states: {
        settling: {
          entry: 'ending',
          on: { 'SCHEDULER.STOOD_DOWN': 'releasing' },
          // A batch that the store never answers can't keep the lease: whatever becomes of it, it is fenced
          // or durable.
          after: { settleLimit: 'releasing' },
        },
        releasing: {
          invoke: {
            src: 'release',
            input: ({ context }) => ({ grant: context.grant as Grant, by: context.leaving }),
            onDone: [
              {
                guard: { type: 'isReleased', params: ({ event }) => ({ released: event.output }) },
                target: 'released',
                actions: { type: 'ended', params: ({ context }) => ({ by: context.leaving }) },
              },
              { target: 'released', actions: { type: 'ended', params: { by: 'fenced' } } },
            ],
            onError: {
              target: 'released',
              actions: [
                {
                  type: 'report',
                  params: ({ event }) => ({
                    message: 'the lease could not be released; it will expire',
                    error: event.error,
                  }),
                },
                { type: 'ended', params: { by: 'expired' } },
              ],
            },
          },
        },
        released: {
          entry: 'endTrust',
          always: [
            { guard: 'isStopping', target: 'handingOver' },
            { target: '#election.follower.yielding', actions: 'forgetGrant' },
          ],
        },
        /** To take down what is left keeps this process and the store busy: the next leader fires first. */
        handingOver: { after: { headStart: '#election.stopped' } },
      },
    },
    stopped: { type: 'final', entry: 'stopped' },
  },
});

function grantOf({ holder, boot }: Candidate, term: number): Grant {
  return { holder, boot, term };
}
