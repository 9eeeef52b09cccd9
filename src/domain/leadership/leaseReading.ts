import { type LeaderChange, type Lease, NEVER_HELD } from './lease.ts';
import type { Mark, Watermark } from './watermark.ts';
import { type FieldTypes, problemIn } from '../shared/reading.ts';

/**
 * Nullable fields may be missing. A wrong value never counts as a missing one: leadership depends
 * on it.
 */
export const LEASE_FIELDS = {
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
  latest_at: 'date?',
} as const satisfies FieldTypes;

/** The stored lease: the fields of a `Lease`, and a watermark of two dates. */
export type LeaseRecord = Omit<Lease, 'watermark'> & {
  claimed_through: Date;
  mirrored_through: Date;
  set_aside?: readonly SetAsideRecord[];
};

/** The mark of a schedule set aside. */
export interface SetAsideRecord {
  id: string;
  claimed_through: Date;
  mirrored_through: Date;
}

const SET_ASIDE_FIELDS = {
  id: 'text',
  claimed_through: 'date',
  mirrored_through: 'date',
} as const satisfies FieldTypes;
const SET_BACK_FIELDS = { from: 'date', to: 'date' } as const satisfies FieldTypes;

/** The lease, or what is wrong with its record. */
export function readLease(record: Partial<LeaseRecord>): Lease | string {
  const problem = problemIn(record, LEASE_FIELDS);
  if (problem !== null) return problem;
  const setAside = readSetAside(record.set_aside ?? []);
  if (typeof setAside === 'string') return setAside;
  const watermark: Watermark = {
    ...markIn(record as LeaseRecord),
    ...(setAside.size > 0 && { setAside }),
  };
  const lease: Record<string, unknown> = { watermark };
  for (const [name, absent] of Object.entries(NEVER_HELD)) {
    lease[name] = record[name as keyof LeaseRecord] ?? absent;
  }
  // Older versions did not write it.
  lease.latest_at ??= lease.renewed_at;
  // For display only.
  if (record.set_back != null && problemIn(record.set_back, SET_BACK_FIELDS) !== null) lease.set_back = null;
  return lease as unknown as Lease;
}

function readSetAside(records: unknown): Map<string, Mark> | string {
  if (!Array.isArray(records)) return 'set_aside is not a list';
  const marks = new Map<string, Mark>();
  for (const record of records) {
    const problem = problemIn(Object(record), SET_ASIDE_FIELDS);
    if (problem !== null) return `in set_aside, ${problem}`;
    marks.set(record.id, markIn(record));
  }
  return marks;
}

function markIn({ claimed_through, mirrored_through }: Omit<SetAsideRecord, 'id'>): Mark {
  return { claimedThroughMs: claimed_through.getTime(), mirroredThroughMs: mirrored_through.getTime() };
}

const LEADER_CHANGE_FIELDS = {
  leader: 'text?',
  boot: 'text',
  term: 'count',
  by: 'text',
  at: 'date',
} as const satisfies FieldTypes;

/** The leader change, or what is wrong with its record. */
export function readLeaderChange(record: object): LeaderChange | string {
  return problemIn(record, LEADER_CHANGE_FIELDS) ?? record as LeaderChange;
}
