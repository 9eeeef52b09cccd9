/**
 * Problems of the fields of a cron expression, in sentences. These checks come before
 * cron-schedule's parser, which reads "5x" as 5 and "5/10" as 5 and does not know a field's
 * position: only what it reads correctly passes.
 */
import { short } from '../shared/text.ts';

interface FieldKind {
  name: string;
  min: number;
  max: number;
  /** Names of the values from 1 on. */
  names: readonly string[];
}

const MONTH_NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAY_NAMES = ['MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT', 'SUN'];

/** In the order of a 6-field expression. */
const FIELD_KINDS: readonly FieldKind[] = [
  { name: 'seconds', min: 0, max: 59, names: [] },
  { name: 'minutes', min: 0, max: 59, names: [] },
  { name: 'hours', min: 0, max: 23, names: [] },
  { name: 'days', min: 1, max: 31, names: [] },
  { name: 'months', min: 1, max: 12, names: MONTH_NAMES },
  { name: 'weekdays', min: 0, max: 7, names: WEEKDAY_NAMES },
];

/**
 * Sentences such as "field 2 (hours): 25 is outside 0–23", fields numbered as the user wrote them. Expects 5
 * or 6 fields.
 */
export function fieldProblems(fields: readonly string[]): string[] {
  const kinds = FIELD_KINDS.slice(-fields.length);
  return kinds.flatMap((kind, i) => {
    const problem = fieldProblem(fields[i] ?? '', kind);
    return problem === null ? [] : [`field ${i + 1} (${kind.name}): ${problem}`];
  });
}

/**
 * Whether the day or weekday field does not restrict. The rule is that of robfig/cron, which
 * Kubernetes and the Go demo use: `*` does not restrict, nor does a list with `*` in it, and a step
 * of 1 changes nothing. All else restricts: `*\/2` (not so in Paul Vixie's cron and its
 * descendants, which look only at the first character), and also a range of all values, such as
 * `1-31` or `MON-SUN`.
 */
export function isUnrestricted(field = ''): boolean {
  return field.split(',').some((part) => /^\*(\/0*1)?$/.test(part));
}

/**
 * A sentence about a field split by a blank (`MON, TUE`, `1 -5`), if the number of fields is valid
 * without that blank; else null.
 */
export function blankInList(fields: readonly string[]): string | null {
  const whole: string[] = [];
  for (const field of fields) {
    const last = whole.at(-1);
    if (last !== undefined && (/[,/-]$/.test(last) || /^[,/-]/.test(field))) {
      whole[whole.length - 1] = last + field;
    } else whole.push(field);
  }
  const kinds = FIELD_KINDS.slice(-whole.length);
  if (whole.length === fields.length || (whole.length !== 5 && whole.length !== 6)) return null;
  const at = whole.findIndex((field, i) => field !== fields[i]);
  return `field ${at + 1} (${kinds[at]?.name}): there is a blank in it, and blanks separate fields; write ${
    shown(whole[at] ?? '', false)
  }`;
}

function fieldProblem(field: string, kind: FieldKind): string | null {
  const foreign = foreignSyntax(field);
  if (foreign !== null) return foreign;
  for (const part of field.split(',')) {
    const problem = partProblem(part, kind);
    if (problem !== null) return problem;
  }
  return null;
}

/** Names the syntax of Quartz and others that cron lacks: users bring such expressions. */
function foreignSyntax(field: string): string | null {
  if (field.includes('?')) return "'?' is not understood; write *";
  if (field.includes('#')) {
    return "'#' (the nth weekday of a month) is not understood; list days of the month instead, as in 1-7";
  }
  if (/^([0-9]*L|L-[0-9]+|[A-Z]{3}L)$/i.test(field)) {
    return "'L' (the last one) is not understood; list days, as in 28";
  }
  if (/^([0-9]+|L)W$/i.test(field)) {
    return "'W' (the nearest working day) is not understood; list days, or weekdays as in MON-FRI";
  }
  return null;
}

/** One element of a list: a value, a range or *, with a step or without. */
function partProblem(part: string, kind: FieldKind): string | null {
  if (part === '') {
    return 'an element of the list is empty; write values with single commas between, as in 1,5';
  }
  const [base = '', step, ...more] = part.split('/');
  const bounds = base === '*' ? [] : base.split('-');
  if (more.length > 0 || bounds.length > 2) {
    return `${
      shown(part)
    } is not understood; write a value, a range as in ${kind.min}-${kind.max}, or * , each with a step as in */2`;
  }
  for (const bound of bounds) {
    const problem = valueProblem(bound, part, kind);
    if (problem !== null) return problem;
  }
  if (bounds.length === 2 && runsBackwards(bounds, kind)) {
    const [from, to] = bounds;
    return `the range ${base} runs backwards; write ${from}-${
      lastOf(kind)
    },${kind.min}-${to} if it is to go round`;
  }
  return step === undefined ? null : stepProblem(base, step, bounds.length === 1, kind);
}

function valueProblem(value: string, part: string, kind: FieldKind): string | null {
  const number = numberOf(value, kind);
  const range = `${kind.min}–${kind.max}`;
  if (number === null) {
    const or = kind.names.length === 0 ? '' : ` or a name ${kind.names[0]}–${kind.names.at(-1)}`;
    const where = value === part ? '' : ` in ${shown(part)}`;
    return `${shown(value)}${where} is not understood; write a whole number ${range}${or}`;
  }
  return number < kind.min || number > kind.max ? `${shown(value, false)} is outside ${range}` : null;
}

function stepProblem(base: string, step: string, isSingle: boolean, kind: FieldKind): string | null {
  if (!/^[0-9]+$/.test(step) || Number(step) === 0) {
    return `the step ${shown(step)} is not understood; write a whole number from 1, as in */2`;
  }
  return isSingle ? `a step needs a range: write ${base}-${lastOf(kind)}/${step}` : null;
}

function runsBackwards([from = '', to = '']: string[], kind: FieldKind): boolean {
  const first = numberOf(from, kind) ?? 0;
  const last = numberOf(to, kind) ?? 0;
  // Sunday is 0 and 7: it may begin a range as well as end one.
  return first > last && !(kind.max === 7 && first === 7);
}

function numberOf(value: string, kind: FieldKind): number | null {
  if (/^[0-9]+$/.test(value)) return Number(value);
  const index = kind.names.indexOf(value.toUpperCase());
  return index < 0 ? null : index + 1;
}

/** The field's last value that duplicates no other (7 is Sunday again). */
function lastOf(kind: FieldKind): number {
  return kind.max === 7 ? 6 : kind.max;
}

/** A piece of the user's text inside a sentence. */
function shown(text: string, quoted = true): string {
  const safe = short(text, 20);
  return quoted ? safe : safe.slice(1, -1);
}
