/**
 * Cron expressions over wall-clock time. A wall clock is in milliseconds like an instant, but of
 * local time, read as if it were UTC; a zone maps it to an instant (zone.ts). So nothing here
 * depends on the time zone of the process.
 */
import { parseCronExpression } from 'cron-schedule';
import { blankInList, fieldProblems, isUnrestricted } from './cronFields.ts';
import { DAY_MS, SECOND_MS } from './duration.ts';
import { FIRST_INSTANT_MS } from './instant.ts';
import { LAST_INSTANT_MS } from './instant.ts';
import { characters, short } from '../shared/text.ts';

/**
 * The values that each field allows, ascending. Months count from 0 (January), weekdays from 0
 * (Sunday).
 */
export interface Cron {
  /** By its notation, the day field does not restrict; `isAnyWeekday` likewise. */
  isAnyDay: boolean;
  isAnyWeekday: boolean;
  seconds: readonly number[];
  minutes: readonly number[];
  hours: readonly number[];
  days: readonly number[];
  months: readonly number[];
  weekdays: readonly number[];
}

const MAX_LENGTH = 1000;

const NICKNAMES = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const LONGEST_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Reads 5 fields (minute hour day month weekday), 6 with leading seconds, or one of the names
 * above. Throws an `Error` whose message lists every problem, such as "field 2 (hours): 25 is
 * outside 0–23".
 */
export function parseCron(expression: string): Cron {
  const length = characters(expression);
  if (length > MAX_LENGTH) {
    throw new Error(`the expression has ${length} characters; at most ${MAX_LENGTH} are allowed`);
  }
  const text = expression.trim();
  if (/^(CRON_)?TZ=/i.test(text)) {
    throw new Error(
      'a time zone inside the expression is not understood; leave it out and set definition.timezone',
    );
  }
  const fields = (text.startsWith('@') ? expandNickname(text) : text).split(/\s+/).filter((field) =>
    field !== ''
  );
  const blank = blankInList(fields);
  if (blank !== null) throw new Error(blank);
  if (fields.length !== 5 && fields.length !== 6) {
    throw new Error(
      `there must be 5 fields (minute hour day month weekday), or 6 with leading seconds; found ${fields.length}`,
    );
  }
  const problems = fieldProblems(fields);
  if (problems.length > 0) throw new Error(problems.join('; '));

  const { seconds, minutes, hours, days, months, weekdays } = parseCronExpression(fields.join(' '));
  const [isAnyDay, isAnyWeekday] = [isUnrestricted(fields.at(-3)), isUnrestricted(fields.at(-1))];
  const cron = { isAnyDay, isAnyWeekday, seconds, minutes, hours, days, months, weekdays };
  refuseImpossible(cron);
  return cron;
}

function expandNickname(text: string): string {
  const expanded = NICKNAMES.get(text.toLowerCase());
  if (expanded !== undefined) return expanded;
  const instead = text.startsWith('@every')
    ? 'write a schedule of type duration, with definition.interval'
    : `write one of ${[...NICKNAMES.keys()].join(', ')}, or 5 or 6 fields`;
  throw new Error(`${short(text, 20)} is not understood; ${instead}`);
}

/** Throws for days that never come; restricted weekdays match in every month. */
function refuseImpossible({ days, months, isAnyWeekday }: Cron): void {
  const firstDay = days[0] ?? 1;
  if (!isAnyWeekday || months.some((month) => firstDay <= (LONGEST_MONTHS[month] ?? 0))) return;
  const names = months.map((month) => MONTHS[month]).join(' or ');
  throw new Error(`it never fires: there is no ${firstDay}th of ${names}`.replace('31th', '31st'));
}

/** The first match strictly after a wall clock; null when there is none before the year 9999 ends. */
export function nextWallClock(cron: Cron, afterMs: number): number | null {
  const fromMs = (Math.floor(afterMs / SECOND_MS) + 1) * SECOND_MS;
  if (fromMs > LAST_INSTANT_MS) return null;
  const foundMs = seek(cron, Math.max(fromMs, FIRST_INSTANT_MS), 1);
  return foundMs > LAST_INSTANT_MS ? null : foundMs;
}

/** The last match at or before a wall clock; null when there is none since the year 0. */
export function previousWallClock(cron: Cron, atOrBeforeMs: number): number | null {
  const fromMs = Math.floor(atOrBeforeMs / SECOND_MS) * SECOND_MS;
  if (fromMs < FIRST_INSTANT_MS) return null;
  const foundMs = seek(cron, Math.min(fromMs, LAST_INSTANT_MS), -1);
  return foundMs < FIRST_INSTANT_MS ? null : foundMs;
}

/** Forwards or backwards in time. */
type Direction = 1 | -1;

/** The match nearest to a whole second, that second included, in one direction. */
function seek(cron: Cron, fromMs: number, direction: Direction): number {
  const today = Math.floor(fromMs / DAY_MS);
  let day = seekDay(cron, today, direction);
  if (day === today) {
    const second = seekSecondOfDay(cron, (fromMs - today * DAY_MS) / SECOND_MS, direction);
    if (second !== undefined) return today * DAY_MS + second * SECOND_MS;
    day = seekDay(cron, today + direction, direction);
  }
  const second = edge(cron.hours, direction) * 3600 + edge(cron.minutes, direction) * 60 +
    edge(cron.seconds, direction);
  return day * DAY_MS + second * SECOND_MS;
}

/**
 * The nearest matching day, as days since 1970. Terminates: every cron that parseCron accepts
 * matches within 8 years (29 February around 2100).
 */
function seekDay(cron: Cron, fromDay: number, direction: Direction): number {
  const date = new Date(fromDay * DAY_MS);
  let year = date.getUTCFullYear();
  let month = date.getUTCMonth();
  let dayOfMonth = date.getUTCDate();
  for (let beforeMonth = fromDay - dayOfMonth;;) {
    if (cron.months.includes(month)) {
      const length = daysInMonth(year, month);
      for (; dayOfMonth >= 1 && dayOfMonth <= length; dayOfMonth += direction) {
        if (matchesDay(cron, dayOfMonth, beforeMonth + dayOfMonth)) return beforeMonth + dayOfMonth;
      }
    }
    if (direction === 1) beforeMonth += daysInMonth(year, month);
    month += direction;
    if (month === 12 || month === -1) {
      year += direction;
      month -= 12 * direction;
    }
    if (direction === -1) beforeMonth -= daysInMonth(year, month);
    dayOfMonth = direction === 1 ? 1 : daysInMonth(year, month);
  }
}

/**
 * If days and weekdays are both restricted, one match suffices; otherwise both must match. A
 * field's notation decides whether it restricts (`isUnrestricted`), not the values it allows.
 */
export function matchesDay(cron: Cron, dayOfMonth: number, daySince1970: number): boolean {
  const { days, weekdays, isAnyDay, isAnyWeekday } = cron;
  if (isAnyWeekday) return isAnyDay || days.includes(dayOfMonth);
  const weekday = ((daySince1970 + 4) % 7 + 7) % 7; // 1970 began on a Thursday
  return weekdays.includes(weekday) || (!isAnyDay && days.includes(dayOfMonth));
}

export function daysInMonth(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 1 && !isLeap ? 28 : LONGEST_MONTHS[month] ?? 0;
}

/**
 * The nearest matching second of a day, the given one included; undefined when the day has no more in this
 * direction.
 */
function seekSecondOfDay(cron: Cron, from: number, direction: Direction): number | undefined {
  const [fromHour, fromMinute, fromSecond] = [Math.floor(from / 3600), Math.floor(from / 60) % 60, from % 60];
  const [firstMinute, firstSecond] = [edge(cron.minutes, direction), edge(cron.seconds, direction)];
  if (cron.hours.includes(fromHour)) {
    if (cron.minutes.includes(fromMinute)) {
      const second = nearest(cron.seconds, fromSecond, direction);
      if (second !== undefined) return fromHour * 3600 + fromMinute * 60 + second;
    }
    const minute = nearest(cron.minutes, fromMinute + direction, direction);
    if (minute !== undefined) return fromHour * 3600 + minute * 60 + firstSecond;
  }
  const hour = nearest(cron.hours, fromHour + direction, direction);
  return hour === undefined ? undefined : hour * 3600 + firstMinute * 60 + firstSecond;
}

function nearest(ascending: readonly number[], from: number, direction: Direction): number | undefined {
  return direction === 1
    ? ascending.find((value) => value >= from)
    : ascending.findLast((value) => value <= from);
}

/** The value that comes first in this direction. */
function edge(ascending: readonly number[], direction: Direction): number {
  return ascending.at(direction === 1 ? 0 : -1) ?? 0;
}
