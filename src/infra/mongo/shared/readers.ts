/** Reads documents as domain records. Reports those that this version does not understand. */
import type { Document } from 'mongodb';
import { NotUnderstoodError } from '../../../actors/shared/storeErrors.ts';
import { readReplica, readTerm } from '../../../domain/membership/clusterReading.ts';
import type { LeaderChange, Lease } from '../../../domain/leadership/lease.ts';
import type { Term } from '../../../domain/leadership/term.ts';
import { readLeaderChange, readLease } from '../../../domain/leadership/leaseReading.ts';
import {
  type FieldType,
  type FieldTypes,
  kindOf,
  type NotUnderstood,
} from '../../../domain/shared/reading.ts';
import type { Presence } from '../../../domain/membership/replica.ts';
import type { Backfill } from '../../../domain/runs/backfill.ts';
import type { Run } from '../../../domain/runs/run.ts';
import type { ReportNotUnderstood } from '../../shared/notUnderstood.ts';
import {
  type BackfillDoc,
  LEASE_ID,
  type LeaseDoc,
  type ReplicaDoc,
  type RunDoc,
  type TermDoc,
  toBackfill,
  toRun,
} from './documents.ts';

export interface Readers {
  run(doc: RunDoc): Run | NotUnderstood;
  /** The understood ones. */
  runs(docs: readonly RunDoc[]): Run[];
  backfill(doc: BackfillDoc): Backfill | NotUnderstood;
  /** The understood ones. */
  backfills(docs: readonly BackfillDoc[]): Backfill[];
  replica(doc: ReplicaDoc): Presence | null;
  term(doc: TermDoc): Term | null;
  /** Throws `NotUnderstoodError`. */
  lease(doc: LeaseDoc): Lease;
  leaderChange(part: object): LeaderChange | null;
}

export function readers(report: ReportNotUnderstood): Readers {
  const reported = <T extends object>(collection: string, record: T | NotUnderstood): T | NotUnderstood => {
    if ('not_understood' in record) report(collection, record.id, record.not_understood);
    return record;
  };
  const understood = <T extends object>(collection: string, record: T | NotUnderstood): T | null =>
    'not_understood' in reported(collection, record) ? null : record as T;
  return {
    run: (doc) => reported('runs', toRun(doc)),
    runs: (docs) => docs.flatMap((doc) => understood('runs', toRun(doc)) ?? []),
    backfill: (doc) => reported('backfills', toBackfill(doc)),
    backfills: (docs) => docs.flatMap((doc) => understood('backfills', toBackfill(doc)) ?? []),
    replica: ({ _id, ...doc }) => understood('replicas', readReplica({ ...doc, boot: _id })),
    term: ({ _id, ...doc }) => understood('leadership', readTerm({ term: _id, ...doc })),
    lease(doc) {
      const lease = readLease(doc);
      if (typeof lease !== 'string') return lease;
      report('leases', LEASE_ID, lease);
      throw new NotUnderstoodError(
        `this version does not understand the lease document: ${lease}; repair it, or delete it: a replica then creates it again`,
      );
    },
    leaderChange(part) {
      const change = readLeaderChange(part);
      if (typeof change !== 'string') return change;
      report('leases', LEASE_ID, `in the leader change, ${change}`);
      return null;
    },
  };
}

/** Whether this version understands a document, as a server-side expression; `id` is its `_id`. */
export function isUnderstood(fields: FieldTypes): Document {
  return {
    $and: Object.entries(fields).map(([name, type]) => fits(name === 'id' ? '$_id' : `$${name}`, type)),
  };
}

const NUMBERS = ['int', 'long', 'double'];
const TYPES = { text: ['string'], date: ['date'], number: NUMBERS, count: NUMBERS };
/** Limit of a JavaScript date, epoch ms. */
const LONGEST_MS = 8.64e15;

function fits(field: string, type: FieldType): Document {
  if (typeof type !== 'string') return { $in: [field, [...type]] };
  const kind = kindOf(type);
  const hasType = (types: string[]) => ({ $in: [{ $type: field }, types] });
  const between = (least: unknown, most: unknown) => [{ $gte: [field, least] }, { $lte: [field, most] }];
  const range = kind === 'date'
    ? between(new Date(-LONGEST_MS), new Date(LONGEST_MS))
    : kind === 'count'
    ? between(0, Number.MAX_SAFE_INTEGER)
    : [];
  const isOfKind = { $and: [hasType(TYPES[kind]), ...range] };
  return kind === type ? isOfKind : { $or: [hasType(['missing', 'null', 'undefined']), isOfKind] };
}
