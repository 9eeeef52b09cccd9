/** The body of a request for a backfill. */
import { z } from 'zod';
import { parserOf } from '../schedules/commands.ts';
import type { Problem } from '../schedules/spec.ts';
import { choice, expected, fields, numberIn } from '../shared/fields.ts';
import { instant } from '../schedules/specFields.ts';

const MAX_CONCURRENT = 100;

const flag = z.boolean({ error: expected('true or false') }).default(false);

const backfill = fields('a backfill', {
  from: instant,
  to: instant,
  max_concurrent: numberIn(1, MAX_CONCURRENT, { whole: true }).default(1),
  overlap: choice(['allow', 'skip', 'queue', 'replace']).default('allow'),
  again: flag,
  dry_run: flag,
});

/** `dry_run`: tells what there is to do, and stores nothing. */
export type BackfillRequest = z.infer<typeof backfill>;

export const parseBackfill = parserOf(backfill);

/** What is wrong between the fields. `nowMs`: server time. */
export function backfillProblems(
  { from, to, max_concurrent, overlap }: BackfillRequest,
  nowMs: number,
): Problem[] {
  const problems: Problem[] = [];
  const add = (name: string, sentence: string) =>
    problems.push({ pointer: `/${name}`, detail: `${name}: ${sentence}` });
  if (from >= to) {
    add('from', `${from.toISOString()} is not before to, ${to.toISOString()}; to is excluded from the range`);
  }
  if (to.getTime() > nowMs) {
    const now = new Date(Math.floor(nowMs)).toISOString();
    add('to', `${to.toISOString()} is in the future; write ${now} or earlier`);
  }
  if (max_concurrent > 1 && overlap !== 'allow') {
    add(
      'max_concurrent',
      `is ${max_concurrent}, but with overlap "${overlap}" one run is open at a time; write 1, or overlap "allow"`,
    );
  }
  return problems;
}
