/** Parts of aggregation expressions. Times are the server's: `$$NOW` (G6). */
import type { Document } from 'mongodb';

export function after(date: string, milliseconds: number): Document {
  return { $dateAdd: { startDate: date, unit: 'millisecond', amount: milliseconds } };
}

/** A literal value: without this, a string that begins with `$` would name a field. */
export function literal(value: unknown): Document {
  return { $literal: value };
}
