/**
 * Events between the election and the scheduler, and election news. The replica machine, their
 * parent, routes them: `LEASE.*` to the scheduler and the adoption, `SCHEDULER.*` to the election.
 */
import type { Acquisition, EndedBy, Grant, Lease } from '../../domain/leadership/lease.ts';
import type { Watermark } from '../../domain/leadership/watermark.ts';
import type { Role } from '../../domain/membership/replica.ts';

/** From the election, for the scheduler and the adoption. */
export type LeaseEvent =
  /** The leader's watermark, as the lease has it. */
  | { type: 'LEASE.SEEN'; mark: Watermark }
  /** No claim of an earlier term committed after `lastClaimMs` (server time, epoch ms). */
  | { type: 'LEASE.WON'; grant: Grant; lease: Lease; lastClaimMs: number }
  /** Claim nothing more. */
  | { type: 'LEASE.LOST' }
  /** Claim nothing more, and report when the batch in flight is settled. */
  | { type: 'LEASE.ENDING' };

/** From the scheduler, for the election. */
export type SchedulerEvent =
  | { type: 'SCHEDULER.STOOD_DOWN' }
  /** A claim was fenced: the grant of this term is over. */
  | { type: 'SCHEDULER.FENCED'; term: number };

/** From the election, for every observer. */
export type ElectionNews =
  /** `by`: the type of the event that caused it. */
  | { type: 'ELECTION.ROLE'; role: Role; by: string }
  | { type: 'ELECTION.BEGAN'; acquisition: Acquisition }
  | { type: 'ELECTION.ENDED'; term: number; by: EndedBy };

export type ElectionEvent = ElectionNews | { type: 'ELECTION.STOPPED'; by: string };
