/** Records as documents: `_id` for `id`, and otherwise as they are in the domain. */
import type { Binary, Collection, Db } from 'mongodb';
import type { Term } from '../../domain/leadership.ts';
import type { Lease } from '../../domain/lease.ts';
import type { ChangeOfHands } from '../../domain/event.ts';
import type { Presence } from '../../domain/replica.ts';
import type { Run } from '../../domain/run.ts';
import type { Schedule } from '../../domain/schedule.ts';

export interface LeaseDoc extends Omit<Lease, 'watermark'> {
  _id: typeof LEASE_ID;
  claimed_through: Date;
  mirrored_through: Date;
  /**
   * Logical session of the holder's claims, so that its successor can end a transaction that it left open; null
   * when it has left none.
   */
  session: Binary | null;
  /** What it was before it was taken the last time. */
  previous?: Omit<LeaseDoc, 'previous'>;
  /** Written only to make changes of schedules and open claims meet (G4). */
  barrier?: number;
  /** The last change of hands: see hands.ts. */
  hands?: Record<string, ChangeOfHands>;
}

export type ScheduleDoc = Omit<Schedule, 'id'> & { _id: string };
export type RunDoc = Omit<Run, 'id'> & { _id: string };
/** A replica's `_id` is its boot; `boot` is there as well. */
export type ReplicaDoc = Presence & { _id: string };

export type TermDoc = Omit<Term, 'term'> & { _id: number };

export const LEASE_ID = 'leader';

/**
 * Rung when a run was requested, for whoever watches the lease. Next to the lease document, and not in it: there
 * it would get in the way of claims.
 */
export interface BellDoc {
  _id: typeof BELL_ID;
  rung: number;
}

export const BELL_ID = 'requests';

export interface Collections {
  leases: Collection<LeaseDoc>;
  /** In the collection of the lease. */
  bell: Collection<BellDoc>;
  schedules: Collection<ScheduleDoc>;
  runs: Collection<RunDoc>;
  replicas: Collection<ReplicaDoc>;
  leadership: Collection<TermDoc>;
}

export function collections(db: Db): Collections {
  return {
    leases: db.collection('leases'),
    bell: db.collection('leases'),
    schedules: db.collection('schedules'),
    runs: db.collection('runs'),
    replicas: db.collection('replicas'),
    leadership: db.collection('leadership'),
  };
}

/** Of a lease that nobody has claimed under. */
export function fromLease({ watermark, ...lease }: Lease): LeaseDoc {
  return {
    _id: LEASE_ID,
    ...lease,
    claimed_through: new Date(watermark.claimedThroughMs),
    mirrored_through: new Date(watermark.mirroredThroughMs),
    session: null,
  };
}

export function toSchedule({ _id, ...doc }: ScheduleDoc): Schedule {
  return { id: _id, ...doc } as Schedule;
}

export function fromRun({ id, ...run }: Run): RunDoc {
  return { _id: id, ...run };
}
