import { type ChangeOfHands } from './event.ts';
import { type Lease, NEVER_HELD, type Watermark } from './lease.ts';
import { type Needs, problemIn } from './reading.ts';

/** Fields that may be null may be missing as well. A wrong one is never taken for a missing one: who leads hangs on it. */
export const LEASE_NEEDS = {
  term: 'count',
  expires_at: 'date',
  claimed_through: 'date',
  mirrored_through: 'date',
  holder: 'text?',
  boot: 'text?',
  address: 'text?',
  acquired_at: 'date?',
  began_by: 'text?',
  renewed_at: 'date?',
  released_at: 'date?',
  released_by: 'text?',
  heir: 'text?',
  predecessor_died_at: 'date?',
  step_down_term: 'count?',
} as const satisfies Needs;

/** The lease as a store has it: the fields of a `Lease`, and a watermark of two dates. */
export type LeaseRecord = Omit<Lease, 'watermark'> & { claimed_through: Date; mirrored_through: Date };

/** The lease, or what is wrong with its record. */
export function readLease(record: Partial<LeaseRecord>): Lease | string {
  const problem = problemIn(record, LEASE_NEEDS);
  if (problem !== null) return problem;
  const { claimed_through, mirrored_through } = record as LeaseRecord;
  const watermark: Watermark = {
    claimedThroughMs: claimed_through.getTime(),
    mirroredThroughMs: mirrored_through.getTime(),
  };
  const lease: Record<string, unknown> = { watermark };
  for (const [name, absent] of Object.entries(NEVER_HELD)) {
    lease[name] = record[name as keyof LeaseRecord] ?? absent;
  }
  return lease as unknown as Lease;
}

const HANDS_NEEDS = {
  leader: 'text?',
  boot: 'text',
  term: 'count',
  by: 'text',
  at: 'date',
} as const satisfies Needs;

/** A change of hands, or what is wrong with its record. */
export function readHands(record: object): ChangeOfHands | string {
  return problemIn(record, HANDS_NEEDS) ?? record as ChangeOfHands;
}
