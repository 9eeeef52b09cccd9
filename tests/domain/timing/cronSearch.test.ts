/** The search for matches of cron expressions, compared with trying every second. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Cron, nextWallClock, parseCron, previousWallClock } from '../../../src/domain/timing/cron.ts';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../../src/domain/timing/duration.ts';
import { at, iso } from './times.ts';

/** A field's text, and the values that it stands for by the simplest reading of the text. */
interface Field {
  text: string;
  isStar: boolean;
  values: Set<number>;
}

function field(min: number, max: number): fc.Arbitrary<Field> {
  const range = (from: number, to: number, step: number) =>
    Array.from({ length: max + 1 }, (_, i) => i).filter((i) =>
      i >= from && i <= to && (i - from) % step === 0
    );
  const full = fc.constantFrom('*', '*/1', `${min}-${max}`, `${min}-${max}/1`).map((text) => ({
    text,
    values: range(min, max, 1),
  }));
  const part = fc.oneof(
    full,
    fc.integer({ min, max }).map((value) => ({ text: `${value}`, values: [value] })),
    fc.integer({ min: 1, max }).map((step) => ({ text: `*/${step}`, values: range(min, max, step) })),
    fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }), fc.integer({ min: 1, max: 9 })).map(
      ([a, b, step]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        return { text: `${from}-${to}/${step}`, values: range(from, to, step) };
      },
    ),
  );
  const list = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ({
    text: parts.map(({ text }) => text).join(','),
    isStar: parts.some(({ text }) => text === '*' || text === '*/1'),
    values: new Set(parts.flatMap(({ values }) => values)),
  }));
  const one = full.map(({ text, values }) => ({
    text,
    isStar: text.startsWith('*'),
    values: new Set(values),
  }));
  return fc.oneof(one, list);
}

const fieldsOfTime = [field(0, 59), field(0, 59), field(0, 23)] as const;
const fieldsOfDay = [field(1, 31), field(1, 12), field(0, 6)] as const;

function matchesDay(date: Date, [days, months, weekdays]: [Field, Field, Field]): boolean {
  if (!months.values.has(date.getUTCMonth() + 1)) return false;
  const byDay = days.values.has(date.getUTCDate());
  const byWeekday = weekdays.values.has(date.getUTCDay());
  const bothRestricted = !days.isStar && !weekdays.isStar;
  return bothRestricted ? byDay || byWeekday : byDay && byWeekday;
}

/** The parsed expression; undefined for one that never fires. */
function parsedOrImpossible(expression: string): Cron | undefined {
  try {
    return parseCron(expression);
  } catch (error) {
    assert.match((error as Error).message, /^it never fires/);
    return undefined;
  }
}

describe('the search for the next and the previous match', () => {
  const moments = fc.integer({ min: at('1960-01-01T00:00:00Z'), max: at('2110-01-01T00:00:00Z') });

  it('agrees with trying second after second', () => {
    fc.assert(
      fc.property(fc.tuple(...fieldsOfTime), fc.tuple(...fieldsOfDay), moments, (time, day, fromMs) => {
        const cron = parsedOrImpossible([...time, ...day].map(({ text }) => text).join(' '));
        fc.pre(cron !== undefined);
        const [seconds, minutes, hours] = time;
        const matches = (ms: number) => {
          const date = new Date(ms);
          return seconds.values.has(date.getUTCSeconds()) && minutes.values.has(date.getUTCMinutes()) &&
            hours.values.has(date.getUTCHours()) && matchesDay(date, day);
        };
        const spanMs = 6 * HOUR_MS;
        let next = Math.floor(fromMs / SECOND_MS) * SECOND_MS + SECOND_MS;
        while (!matches(next) && next < fromMs + spanMs) next += SECOND_MS;
        let previous = Math.floor(fromMs / SECOND_MS) * SECOND_MS;
        while (!matches(previous) && previous > fromMs - spanMs) previous -= SECOND_MS;

        const foundNext = nextWallClock(cron, fromMs) ?? assert.fail('no next');
        const foundPrevious = previousWallClock(cron, fromMs) ?? assert.fail('no previous');
        assert.ok(matches(foundNext) && matches(foundPrevious));
        assert.ok(
          matches(next) ? foundNext === next : foundNext > next,
          `next ${iso(foundNext)}, tried up to ${iso(next)}`,
        );
        assert.ok(
          matches(previous) ? foundPrevious === previous : foundPrevious < previous,
          `previous ${iso(foundPrevious)}, tried down to ${iso(previous)}`,
        );
      }),
      { numRuns: 60 },
    );
  });

  it('agrees with trying day after day', () => {
    fc.assert(
      fc.property(fc.tuple(...fieldsOfDay), moments, (day, fromMs) => {
        const cron = parsedOrImpossible(['0 0', ...day.map(({ text }) => text)].join(' '));
        const today = Math.floor(fromMs / DAY_MS) * DAY_MS;
        const isMatch = (ms: number) => matchesDay(new Date(ms), day);
        const within = Array.from({ length: 9 * 366 }, (_, i) => i * DAY_MS);
        const next = within.map((ms) => today + DAY_MS + ms).find(isMatch);
        const previous = within.map((ms) => today - ms).find(isMatch);
        assert.equal(iso(cron ? nextWallClock(cron, fromMs) : null), iso(next ?? null));
        assert.equal(iso(cron ? previousWallClock(cron, fromMs) : null), iso(previous ?? null));
      }),
      { numRuns: 200 },
    );
  });
});
