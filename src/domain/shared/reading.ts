/**
 * Another version, or a manual edit, may have written a stored record. Each record is checked on
 * reading: this version does not act on what it does not understand. Plain checks, since runs come
 * in by the hundred.
 */
import { short } from './text.ts';

/** A record that this version does not understand, and why: a part of a sentence. */
export interface NotUnderstood {
  id: string;
  not_understood: string;
}

type Kind = 'text' | 'date' | 'number' | 'count';

/** A field's type: a kind, a kind or null or missing (`?`), or one of these words. */
export type FieldType = Kind | `${Kind}?` | readonly string[];
export type FieldTypes = Readonly<Record<string, FieldType>>;

const IS_VALID: Record<Kind, (value: unknown) => boolean> = {
  text: (value) => typeof value === 'string',
  date: (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  count: (value) => typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER,
};

const SHOULD_BE: Record<Kind, string> = {
  text: 'a string',
  date: 'a date',
  number: 'a number',
  count: 'a number of at least 0',
};

/** The problem of the first invalid field, as a part of a sentence; null when all are valid. */
export function problemIn(record: object, fields: FieldTypes): string | null {
  for (const name in fields) {
    const value = (record as Record<string, unknown>)[name];
    const type = fields[name] as FieldType;
    if (typeof type !== 'string') {
      if (!type.includes(value as string)) {
        return `${name} is ${shown(value)}, which this version does not know`;
      }
      continue;
    }
    const kind = kindOf(type);
    if (kind !== type && value == null) continue;
    if (!IS_VALID[kind](value)) return `${name} is ${shown(value)}, not ${SHOULD_BE[kind]}`;
  }
  return null;
}

export function kindOf(type: Exclude<FieldType, readonly string[]>): Kind {
  return type.replace('?', '') as Kind;
}

/** A stored value in a sentence about it, in short. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return short(value);
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'a list' : value instanceof Date ? 'a date' : 'an object';
}

/** The value if it is of the kind, else the default for a field that older versions did not write. */
export function validOr<T, D>(value: T | undefined, kind: Kind, otherwise: D): T | D {
  return IS_VALID[kind](value) ? value as T : otherwise;
}
