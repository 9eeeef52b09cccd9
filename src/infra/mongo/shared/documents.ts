/** Domain records as documents: `_id` for `id`, otherwise unchanged. */
import type { Binary, Collection, Db } from 'mongodb';
import type { Term } from '../../../domain/leadership/term.ts';
import type { LeaderChange, Lease } from '../../../domain/leadership/lease.ts';
import type { Mark, Watermark } from '../../../domain/leadership/watermark.ts';
import { readSchedule } from '../../../domain/schedules/scheduleReading.ts';
import type { Presence } from '../../../domain/membership/replica.ts';
import { isTakeable, type Run } from '../../../domain/runs/run.ts';
import type { RunHint } from '../../../actors/leadership/leaseStore.ts';
import type { Backfill } from '../../../domain/runs/backfill.ts';
import { readBackfill } from '../../../domain/runs/backfillReading.ts';
import { readRun } from '../../../domain/runs/runReading.ts';
import type { NotUnderstood, Schedule } from '../../../domain/schedules/schedule.ts';

export interface LeaseDoc extends Omit<Lease, 'watermark'> {
  _id: typeof LEASE_ID;
  claimed_through: Date;
  mirrored_through: Date;
  /** Schedules that the marks above exclude, each with its own. */
  set_aside?: SetAsideDoc[];
  /**
   * The last set-back, as its event carries it: changes with each, and is read from the update
   * itself.
   */
  set_back_told?: string | null;
  /**
   * Logical session of the holder's claims. Its successor ends a transaction left open in it; null
   * when none was left.
   */
  session: Binary | null;
  /** The lease before it was last acquired. */
  previous?: Omit<LeaseDoc, 'previous'>;
  /** Written only so that schedule changes and open claims conflict (G4). */
  barrier?: number;
  /** The last leader change: see leaseEvents.ts. */
  hands?: Record<string, LeaderChange>;
}

export interface SetAsideDoc {
  id: string;
  claimed_through: Date;
  mirrored_through: Date;
}

export type ScheduleDoc = Omit<Schedule, 'id'> & { _id: string };
/** A run without an executor is stored with `NO_EXECUTOR`: every version's documents have a string there. */
export type RunDoc = Omit<Run, 'id' | 'executor' | 'executor_boot'> & {
  _id: string;
  /** Its schedule, while an executor may take it: for the indexes. */
  waiting_schedule?: string;
  executor: string;
  executor_boot: string;
};
export type BackfillDoc = Omit<Backfill, 'id'> & { _id: string };
/** A replica's `_id` is its boot, which `boot` repeats. */
export type ReplicaDoc = Presence & { _id: string };

export type TermDoc = Omit<Term, 'term'> & { _id: number };

export const LEASE_ID = 'leader';

/**
 * Notification documents, by what they tell of runs. Next to the lease document, and not in it: there it would
 * conflict with claims.
 */
export interface NotificationDoc {
  _id: string;
  rung: number;
}

export const NOTIFICATIONS: Readonly<Record<string, RunHint>> = {
  requests: 'run available',
  cancellations: 'run cancelled',
};

/**
 * What is counted of a schedule beside it, since a write of its own document would be a change for every mirror.
 * Every transaction about its runs writes it, so that two of them conflict.
 */
export interface TallyDoc {
  /** `tallyId` */
  _id: string;
  /** Grows with each write. */
  writes: number;
  /** Occurrences claimed, of a schedule that has a limit. */
  runs?: number;
}

export interface Collections {
  leases: Collection<LeaseDoc>;
  /** In the collection of the lease. */
  notifications: Collection<NotificationDoc>;
  schedules: Collection<ScheduleDoc>;
  runs: Collection<RunDoc>;
  backfills: Collection<BackfillDoc>;
  replicas: Collection<ReplicaDoc>;
  leadership: Collection<TermDoc>;
  tallies: Collection<TallyDoc>;
}

export function collections(db: Db): Collections {
  return {
    leases: db.collection('leases'),
    notifications: db.collection('leases'),
    schedules: db.collection('schedules'),
    runs: db.collection('runs'),
    backfills: db.collection('backfills'),
    replicas: db.collection('replicas'),
    leadership: db.collection('leadership'),
    tallies: db.collection('tallies'),
  };
}

/** Of a lease without claims. */
export function fromLease({ watermark, ...lease }: Lease): LeaseDoc {
  return {
    _id: LEASE_ID,
    ...lease,
    claimed_through: new Date(watermark.claimedThroughMs),
    mirrored_through: new Date(watermark.mirroredThroughMs),
    set_aside: setAsideDocs(watermark),
    session: null,
  };
}

export function setAsideDocs({ setAside = new Map() }: Watermark): SetAsideDoc[] {
  return [...setAside].map(([id, own]) => ({
    id,
    claimed_through: new Date(own.claimedThroughMs),
    mirrored_through: new Date(own.mirroredThroughMs),
  }));
}

export function toMark({ claimed_through, mirrored_through }: Omit<SetAsideDoc, 'id'>): Mark {
  return { claimedThroughMs: claimed_through.getTime(), mirroredThroughMs: mirrored_through.getTime() };
}

export function toSchedule({ _id, ...doc }: ScheduleDoc): Schedule | NotUnderstood {
  return readSchedule({ ...doc, id: _id });
}

/** The stored executor and boot of a run that has none: no replica has this name. */
export const NO_EXECUTOR = '';

export function fromRun({ id, executor, executor_boot, ...run }: Run): RunDoc {
  return {
    _id: id,
    ...run,
    ...(isTakeable(run) && { waiting_schedule: run.schedule_id }),
    executor: executor ?? NO_EXECUTOR,
    executor_boot: executor_boot ?? NO_EXECUTOR,
  };
}

export function toRun({ _id, ...doc }: RunDoc): Run | NotUnderstood {
  const isUnowned = doc.executor_boot === NO_EXECUTOR;
  return readRun({ id: _id, ...doc, ...(isUnowned && { executor: null, executor_boot: null }) });
}

export function fromBackfill({ id, ...backfill }: Backfill): BackfillDoc {
  return { _id: id, ...backfill };
}

export function toBackfill({ _id, ...doc }: BackfillDoc): Backfill | NotUnderstood {
  return readBackfill({ ...doc, id: _id });
}
