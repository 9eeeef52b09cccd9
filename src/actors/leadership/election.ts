/**
 * The election: one replica's part in choosing the leader. The lease document in the store alone
 * decides; this machine asks it, and trusts its answer no longer than it can be true.
 *
 *           free, or holder dead        won
 *   follower ───────▶ candidate ───▶ leader ──STOP──▶ resigning ──▶ stopped
 *      ▲  ▲               │            │ └─asked to step down─▶ │
 *      │  └──lost, no answer┘            │ fenced: the lease names another grant
 *      ├─────────────────────────────┘ expired: not renewed within the trust window
 *      └──coolingDown, so that another replica is first───────┘
 *
 * - follower reads the lease every retry period, at its expiry, and on each hint of the change stream.
 *   The read is authoritative; the hint only makes it earlier. When a lease is left to an heir, a hint
 *   reaches the heir, which acquires it without a read; the others hold back briefly.
 * - follower also holds a liveness connection to the leader's process. When that breaks without a
 *   goodbye, and a probe shows that the process is gone, the follower does not wait for the lease to
 *   expire: after a short random delay, so that one of several is first, it pre-empts exactly that grant.
 *   Safe, since the store alone decides who leads (G3). A mere timeout is no sign of death.
 * - A server's clock that is set back prolongs the lease beyond what its holder asked for. A follower
 *   that sees this, and no renewal for the lease's duration by its own monotonic clock, pre-empts
 *   that grant too.
 * - candidate makes one compare-and-set. Of any number of candidates the store admits one. An
 *   acquisition whose answer is lost may have won; the same process recognises its own lease with its
 *   next read or acquisition, and acquires it again under a new term.
 * - leader renews every retry period, and on a hint: the lease may have been taken, or a step-down
 *   requested. A claim renews too. A watchdog on the monotonic clock ends the term before the lease
 *   can expire for others, also when the store never answers. If a renewal that timed out takes effect
 *   after that, the store still names us: we release the lease, so that no replica waits for its expiry.
 * - resigning lets the scheduler settle the batch in flight, then releases the lease and names an
 *   heir, which can have it at once. A leader may also be asked to step down: by a command in the
 *   lease document, valid for one term, seen with the next renewal (the change stream hints at it).
 *   It becomes a follower, and leaves the lease to the others briefly. A stopping leader does nothing
 *   more until the next leader has begun.
 *
 * Not promised: that no two replicas ever *believe* that they lead (a frozen process keeps its
 * belief). Promised: only the replica whose grant is in the lease document can claim anything (G3).
 *
 * Can never happen: a term without a beginning or with two ends; `LEASE.WON` for a grant that was not
 * in the store; a renewal after the trust window is over.
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
