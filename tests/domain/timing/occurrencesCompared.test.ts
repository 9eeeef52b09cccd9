/** The ways to ask for occurrences, compared with each other on random timings. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  countOccurrences,
  newestOccurrences,
  nextOccurrence,
  occurrencesBetween,
  previousOccurrence,
  type Timed,
} from '../../../src/domain/timing/occurrences.ts';
import type { Rule } from '../../../src/domain/timing/timing.ts';
import { at, iso } from './times.ts';

/**
 * Around one hour, small enough to try every millisecond's candidates and large enough for every type to have
 * several occurrences.
 */
const BASE_MS = at('2026-03-01T00:00:00Z');

const HOUR = 3_600_000;
const instants = fc.integer({ min: -HOUR, max: HOUR }).map((offset) => new Date(BASE_MS + offset));

const timings: fc.Arbitrary<Rule> = fc.oneof(
  fc.constantFrom('*/7 * * * *', '*/40 */3 * * * *', '13 0,23 1 3 *').map((cron_expression): Rule => ({
    type: 'cron',
    definition: { cron_expression, timezone: 'UTC' },
  })),
  fc.uniqueArray(instants, { maxLength: 20, selector: Number }).map((times): Rule => ({
    type: 'at_times',
    definition: { times: times.sort((a, b) => Number(a) - Number(b)) },
  })),
  fc.tuple(fc.integer({ min: 60_000, max: HOUR }), fc.option(instants)).map(([ms, anchor]): Rule => ({
    type: 'duration',
    definition: { interval: `${ms}ms`, ...(anchor && { anchor }) },
  })),
);

const timeds: fc.Arbitrary<Timed> = fc.record(
  { timing: timings, created_at: instants, start_at: fc.option(instants), end_at: fc.option(instants) },
).map(({ timing, created_at, start_at, end_at }) => ({
  ...timing,
  created_at,
  ...(start_at && { start_at }),
  ...(end_at && { end_at }),
}));

/** All occurrences within two hours around the base, by the plainest reading of the rules. */
function allByTrying(timed: Timed): number[] {
  const candidates: number[] = [];
  if (timed.type === 'at_times') candidates.push(...timed.definition.times.map(Number));
  if (timed.type === 'duration') {
    const intervalMs = Number(timed.definition.interval.slice(0, -2));
    const anchorMs = Number(timed.definition.anchor ?? timed.created_at);
    for (let k = -500; k <= 500; k++) {
      candidates.push(anchorMs + k * intervalMs);
    }
  }
  if (timed.type === 'cron') {
    for (let ms = BASE_MS - 2 * HOUR; ms <= BASE_MS + 2 * HOUR; ms += 1000) {
      const date = new Date(ms);
      const [second, minute, hour] = [date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours()];
      const isMatch = {
        '*/7 * * * *': second === 0 && minute % 7 === 0,
        '*/40 */3 * * * *': second % 40 === 0 && minute % 3 === 0,
        '13 0,23 1 3 *': second === 0 && minute === 13 && hour === 0 && date.getUTCDate() === 1,
      }[timed.definition.cron_expression];
      if (isMatch) candidates.push(ms);
    }
  }
  const from = Number(timed.start_at ?? -Infinity);
  const to = Number(timed.end_at ?? Infinity);
  return candidates.filter((ms) => ms >= from && ms <= to && Math.abs(ms - BASE_MS) <= 2 * HOUR);
}

describe('the ways to ask for occurrences', () => {
  it('agree with each other and with trying all', () => {
    const limits = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(timeds, instants, instants, limits, (timed, one, other, limit) => {
        const [afterMs, throughMs] = [Math.min(+one, +other), Math.max(+one, +other)];
        const all = allByTrying(timed);
        const inside = all.filter((ms) => ms > afterMs && ms <= throughMs);

        assert.deepEqual(occurrencesBetween(timed, afterMs, throughMs, limit), inside.slice(0, limit));
        assert.deepEqual(newestOccurrences(timed, afterMs, throughMs, limit), inside.slice(-limit));
        const next = nextOccurrence(timed, afterMs);
        const firstAfter = all.find((ms) => ms > afterMs);
        assert.ok(
          firstAfter === undefined ? next === null || next > BASE_MS + 2 * HOUR : next === firstAfter,
          `next ${iso(next)}`,
        );
        const previous = previousOccurrence(timed, throughMs);
        const lastThrough = all.findLast((ms) => ms <= throughMs);
        assert.ok(
          lastThrough === undefined
            ? previous === null || previous < BASE_MS - 2 * HOUR
            : previous === lastThrough,
          `previous ${iso(previous)}`,
        );
        const expected = { count: inside.length, throughMs: inside.at(-1) ?? afterMs };
        assert.deepEqual(countOccurrences(timed, afterMs, throughMs), expected);
      }),
      { numRuns: 400 },
    );
  });
});
