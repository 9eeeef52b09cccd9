/**
 * How many wall-clock times a cron expression matches in a span: told by the calendar, without going through them. A
 * server's clock that is set a year ahead leaves millions to be counted, and the leader has other things to do.
 */
import { type Cron, daysInMonth, matchesDay } from './cron.ts';
import { DAY_MS, SECOND_MS } from './duration.ts';

/** In (after, through]; none when `through` is not later. */
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

/** How many matches a matching day has at or before one of its seconds. */
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

/** Counts the days that match, from the beginning of a year on. Years and months that look alike are counted once. */
class MatchingDays {
  readonly #cron: Cron;
  readonly #fromYear: number;
  /** By the length of the year and the weekday of its first day, and so with months. */
  readonly #ofYears = new Map<number, number>();
  readonly #ofMonths = new Map<number, number>();

  constructor(cron: Cron, fromYear: number) {
    this.#cron = cron;
    // One earlier: the day before the first one of a year is asked for as well.
    this.#fromYear = fromYear - 1;
  }

  /** That day included; as days since 1970. */
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

  /** Among the first days of a month. */
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
  // Date.UTC takes the years 0 to 99 for those of the 20th century.
  return new Date(0).setUTCFullYear(year, 0, 1) / DAY_MS;
}

function weekdayOf(day: number): number {
  return (day % 7 + 7) % 7;
}
