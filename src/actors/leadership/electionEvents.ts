/**
 * What the election and the scheduler tell each other, and everybody. The replica machine is their parent and
 * switchboard: `LEASE.*` goes to the scheduler, `SCHEDULER.*` to the election.
 */
import type { Acquisition, EndedBy, Grant, Lease, Watermark } from '../../domain/leadership/lease.ts';
import type { Role } from '../../domain/membership/replica.ts';

/** From the election, for the scheduler. */
export type LeaseEvent =
  /** What the lease says about the progress of whoever leads. */
  | { type: 'LEASE.SEEN'; mark: Watermark }
  /** No claim under an earlier term was committed after `lastClaimMs`, server time. */
  | { type: 'LEASE.WON'; grant: Grant; lease: Lease; lastClaimMs: number }
  /** Claim nothing any more. */
  | { type: 'LEASE.LOST' }
  /** Claim nothing more, and say when the batch in flight is settled. */
  | { type: 'LEASE.ENDING' }
  /** While we lead: somebody has asked for a run. */
  | { type: 'LEASE.REQUESTED' };

/** From the scheduler, for the election. */
export type SchedulerEvent =
  | { type: 'SCHEDULER.STOOD_DOWN' }
  /** A claim was refused: the grant of this term is over. */
  | { type: 'SCHEDULER.FENCED'; term: number };

/** From the election, for everybody who wants to know. */
export type ElectionNews =
  /** `by`: the type of the event that caused it. */
  | { type: 'ELECTION.ROLE'; role: Role; by: string }
  | { type: 'ELECTION.BEGAN'; acquisition: Acquisition }
  | { type: 'ELECTION.ENDED'; term: number; by: EndedBy };

export type ElectionEvent = ElectionNews | { type: 'ELECTION.STOPPED'; by: string };
