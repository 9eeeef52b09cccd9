/**
 * Counts a cron expression's wall-clock matches in a span by the calendar, without iterating over
 * them. A server's clock set ahead by a year leaves millions to count, and would keep the leader
 * busy.
 */
import { type Cron, daysInMonth, matchesDay } from './cron.ts';
import { DAY_MS, SECOND_MS } from './duration.ts';

/** In (after, through]; 0 when `through` is not later. */
export function countWallClocks(cron: Cron, afterMs: number, throughMs: number): number {
  if (throughMs <= afterMs) return 0;
  const days = new MatchingDays(cron, new Date(afterMs).getUTCFullYear());
  return countThrough(cron, days, throughMs) - countThrough(cron, days, afterMs);
}

function countThrough(cron: Cron, days: MatchingDays, ms: number): number {
  const day = Math.floor(ms / DAY_MS);
  const perDay = cron.hours.length * cron.minutes.length * cron.seconds.length;
  const before = days.through(day - 1);
  const isMatch = days.through(day) > before;
  return before * perDay +
    (isMatch ? countThroughSecond(cron, Math.floor((ms - day * DAY_MS) / SECOND_MS)) : 0);
}

/** Matches of a matching day at or before one of its seconds. */
function countThroughSecond({ hours, minutes, seconds }: Cron, second: number): number {
  const [hour, minute] = [Math.floor(second / 3600), Math.floor(second / 60) % 60];
  const count = below(hours, hour) * minutes.length * seconds.length;
  if (!hours.includes(hour)) return count;
  const inHour = below(minutes, minute) * seconds.length;
  return count + inHour + (minutes.includes(minute) ? below(seconds, second % 60 + 1) : 0);
}

function below(values: readonly number[], value: number): number {
  return values.filter((each) => each < value).length;
}

/**
 * Counts matching days from the start of a year on. Years and months of the same shape are counted
 * once.
 */
class MatchingDays {
  readonly #cron: Cron;
  readonly #fromYear: number;
  /** By the year's length and its first weekday; months by their number too. */
  readonly #ofYears = new Map<number, number>();
  readonly #ofMonths = new Map<number, number>();

  constructor(cron: Cron, fromYear: number) {
    this.#cron = cron;
    // One earlier: `through` also takes the day before a year's first.
    this.#fromYear = fromYear - 1;
  }

  /** That day included; in days since 1970. */
  through(day: number): number {
    const date = new Date(day * DAY_MS);
    const year = date.getUTCFullYear();
    let count = 0;
    let first = firstDayOf(this.#fromYear);
    for (let each = this.#fromYear; each < year; each++) {
      const length = daysInMonth(each, 1) === 29 ? 366 : 365;
      count += this.#inYear(each, first, length);
      first += length;
    }
    for (let month = 0; month < date.getUTCMonth(); month++) {
      count += this.#inMonth(year, month, first);
      first += daysInMonth(year, month);
    }
    return count + this.#among(date.getUTCMonth(), first, day - first + 1);
  }

  #inYear(year: number, first: number, length: number): number {
    const key = weekdayOf(first) * 400 + length;
    let count = this.#ofYears.get(key);
    if (count === undefined) {
      count = 0;
      let day = first;
      for (let month = 0; month < 12; month++) {
        count += this.#inMonth(year, month, day);
        day += daysInMonth(year, month);
      }
      this.#ofYears.set(key, count);
    }
    return count;
  }

  #inMonth(year: number, month: number, first: number): number {
    const length = daysInMonth(year, month);
    const key = (month * 7 + weekdayOf(first)) * 32 + length;
    let count = this.#ofMonths.get(key);
    if (count === undefined) this.#ofMonths.set(key, count = this.#among(month, first, length));
    return count;
  }

  /** Among the first `length` days of a month. */
  #among(month: number, first: number, length: number): number {
    if (!this.#cron.months.includes(month)) return 0;
    let count = 0;
    for (let dayOfMonth = 1; dayOfMonth <= length; dayOfMonth++) {
      if (matchesDay(this.#cron, dayOfMonth, first + dayOfMonth - 1)) count++;
    }
    return count;
  }
}

function firstDayOf(year: number): number {
  // Date.UTC reads the years 0 to 99 as 1900 to 1999.
  return new Date(0).setUTCFullYear(year, 0, 1) / DAY_MS;
}

function weekdayOf(day: number): number {
  return (day % 7 + 7) % 7;
}
