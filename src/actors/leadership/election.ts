/**
 * The election: one replica's part in deciding who leads. The lease document in the store is the only judge;
 * this machine asks it, and keeps its answer no longer than it can be true.
 *
 *           free, or its holder dead?   won
 *   follower ───────▶ candidate ───▶ leader ──STOP──▶ resigning ──▶ stopped
 *      ▲  ▲               │            │ └─asked to step down─▶ │
 *      │  └──lost, no answer┘            │ fenced: the lease names another grant
 *      ├─────────────────────────────┘ expired: not renewed within the trust window
 *      └──coolingDown, so that another one is first───────────┘
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
import { election } from './electionSetup.ts';
import { candidateState } from './candidateState.ts';
import { followerState } from './followerState.ts';
import { leaderState } from './leaderState.ts';
import { resigningState } from './resigningState.ts';

export const electionMachine = election.createMachine({
  id: 'election',
  context: ({ input }) => ({
    ...input,
    grant: null,
    acknowledgedTerm: 0,
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
    follower: followerState,
    candidate: candidateState,
    leader: leaderState,
    resigning: resigningState,
    stopped: { type: 'final', entry: 'stopped' },
  },
});
