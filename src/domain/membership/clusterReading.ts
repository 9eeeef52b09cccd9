/** Reads the records of replicas and terms. They are for display: unknown words pass unchanged. */
import type { Term } from '../leadership/term.ts';
import { type FieldTypes, type NotUnderstood, problemIn, validOr } from '../shared/reading.ts';
import { optionalSettings, type Presence, type Transition } from './replica.ts';

const REPLICA_FIELDS = {
  id: 'text',
  boot: 'text',
  role: 'text',
  address: 'text',
  version: 'text',
  started_at: 'date',
  last_seen: 'date',
} as const satisfies FieldTypes;

const TRANSITION_FIELDS = { at: 'date', from: 'text', to: 'text', by: 'text?' } as const satisfies FieldTypes;

/** A replica's stored entry, without fields that this version does not know. */
export function readReplica(record: Partial<Presence>): Presence | NotUnderstood {
  const problem = problemIn(record, REPLICA_FIELDS);
  if (problem !== null) return { id: String(record.boot), not_understood: problem };
  const { id, boot, role, address, version, started_at, last_seen, transitions, ...rest } =
    record as Presence;
  return {
    ...{ id, boot, role, address, version, started_at, last_seen },
    lost_at: validOr(rest.lost_at, 'date', null),
    transitions: (Array.isArray(transitions) ? transitions : []).filter(isTransition),
    transition_count: validOr(rest.transition_count, 'count', 0),
    change: validOr(rest.change, 'text', 'announced'),
    news: validOr(rest.news, 'count', 0),
    ...optionalSettings(record),
  };
}

function isTransition(value: unknown): value is Transition {
  return typeof value === 'object' && value !== null && problemIn(value, TRANSITION_FIELDS) === null;
}

const TERM_FIELDS = {
  term: 'count',
  replica: 'text',
  boot: 'text',
  began_at: 'date',
  began_by: 'text',
} as const satisfies FieldTypes;

/** A stored term. */
export function readTerm(record: Partial<Term>): Term | NotUnderstood {
  const problem = problemIn(record, TERM_FIELDS);
  if (problem !== null) return { id: String(record.term), not_understood: problem };
  const { term, replica, boot, began_at, began_by, ended_at, ended_by, gap_ms } = record as Term;
  return {
    ...{ term, replica, boot, began_at, began_by },
    ended_at: validOr(ended_at, 'date', null),
    ended_by: validOr(ended_by, 'text', null),
    gap_ms: validOr(gap_ms, 'number', null),
  };
}
