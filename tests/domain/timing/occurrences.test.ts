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
import { zoneOf } from '../../../src/domain/timing/zone.ts';
import { at, iso } from './times.ts';

const created_at = new Date('2026-01-01T00:00:00.250Z');

const every = (interval: string, more: Partial<Timed> = {}, anchor?: string): Timed => ({
  type: 'duration',
  definition: { interval, ...(anchor !== undefined && { anchor: new Date(anchor) }) },
  created_at,
  ...more,
} as Timed);

const cron = (cron_expression: string, more: Partial<Timed> = {}): Timed =>
  ({ type: 'cron', definition: { cron_expression, timezone: 'UTC' }, created_at, ...more }) as Timed;

const atTimes = (...times: string[]): Timed => ({
  type: 'at_times',
  definition: { times: times.map((time) => new Date(time)) },
  created_at,
});

describe('occurrences of a duration', () => {
  it('lie on created_at + k·interval, also before that, where a clock was set back', () => {
    const timed = every('10m');
    assert.equal(iso(nextOccurrence(timed, at('2025-12-31T23:30:00Z'))), '2025-12-31T23:30:00.250Z');
    assert.equal(iso(nextOccurrence(timed, created_at.getTime())), '2026-01-01T00:10:00.250Z');
    assert.equal(iso(nextOccurrence(timed, at('2026-01-01T00:10:00.249Z'))), '2026-01-01T00:10:00.250Z');
    assert.equal(iso(nextOccurrence(timed, at('2026-01-01T00:10:00.250Z'))), '2026-01-01T00:20:00.250Z');
    assert.equal(iso(previousOccurrence(timed, at('2026-01-01T00:10:00.249Z'))), '2026-01-01T00:00:00.250Z');
    assert.equal(iso(previousOccurrence(timed, at('2026-01-01T00:10:00.250Z'))), '2026-01-01T00:10:00.250Z');
  });

  it('lie on anchor + k·interval before the anchor, too', () => {
    const timed = every('24h', {}, '2030-06-01T07:00:00Z');
    assert.equal(iso(nextOccurrence(timed, at('2026-01-01T08:00:00Z'))), '2026-01-02T07:00:00.000Z');
    assert.equal(iso(previousOccurrence(timed, at('2026-01-01T06:59:59.999Z'))), '2025-12-31T07:00:00.000Z');
    assert.equal(iso(nextOccurrence(timed, at('2030-06-01T06:00:00Z'))), '2030-06-01T07:00:00.000Z');
  });

  it('are exact after very many intervals, and take moments between two milliseconds', () => {
    const timed = every('11ms', {}, '0001-01-01T00:00:00Z');
    const anchorMs = at('0001-01-01T00:00:00Z');
    const k = Math.floor((at('9990-01-01T00:00:00Z') - anchorMs) / 11);
    assert.equal(nextOccurrence(timed, anchorMs + k * 11 - 1), anchorMs + k * 11);
    assert.equal(nextOccurrence(timed, anchorMs + k * 11 - 0.5), anchorMs + k * 11);
    assert.equal(nextOccurrence(timed, anchorMs + k * 11 + 0.5), anchorMs + (k + 1) * 11);
    assert.equal(previousOccurrence(timed, anchorMs + k * 11 - 0.5), anchorMs + (k - 1) * 11);
    assert.equal(previousOccurrence(timed, anchorMs + k * 11 + 0.5), anchorMs + k * 11);
  });

  it('are counted at once', () => {
    const timed = every('10ms', {}, '2000-01-01T00:00:00Z');
    const [afterMs, throughMs] = [at('2001-01-01T00:00:00Z'), at('2026-01-01T00:00:00.005Z')];
    const expected = { count: (throughMs - 5 - afterMs) / 10, throughMs: throughMs - 5 };
    assert.deepEqual(countOccurrences(timed, afterMs, throughMs), expected);
    assert.ok(expected.count > 78e9);
    assert.deepEqual(
      countOccurrences(every('1s'), created_at.getTime() - 2000, created_at.getTime() + 2999),
      {
        count: 4,
        throughMs: created_at.getTime() + 2000,
      },
    );
  });
});

describe('occurrences of a list of times', () => {
  const timed = atTimes('2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z', '2027-01-01T00:00:00Z');

  it('are its times, and none after the last', () => {
    assert.equal(iso(nextOccurrence(timed, 0)), '2026-01-01T00:00:00.000Z');
    assert.equal(iso(nextOccurrence(timed, at('2026-01-01T00:00:01Z'))), '2027-01-01T00:00:00.000Z');
    assert.equal(nextOccurrence(timed, at('2027-01-01T00:00:00Z')), null);
    assert.equal(previousOccurrence(timed, at('2025-12-31T23:59:59.999Z')), null);
    assert.equal(iso(previousOccurrence(timed, Infinity)), '2027-01-01T00:00:00.000Z');
    assert.deepEqual(countOccurrences(timed, at('2026-01-01T00:00:00Z'), Infinity), {
      count: 2,
      throughMs: at('2027-01-01T00:00:00Z'),
    });
  });
});

describe('occurrences of a cron expression', () => {
  it('are instants of its zone, UTC', () => {
    assert.equal(
      iso(nextOccurrence(cron('0 9 * * MON-FRI'), at('2026-01-02T09:00:00Z'))),
      '2026-01-05T09:00:00.000Z',
    );
    assert.equal(
      iso(previousOccurrence(cron('0 9 * * MON-FRI'), at('2026-01-04T09:00:00Z'))),
      '2026-01-02T09:00:00.000Z',
    );
  });

  it('are counted at once, however many', () => {
    const afterMs = at('2026-01-01T00:00:00Z');
    const count = (throughMs: number) => countOccurrences(cron('* * * * * *'), afterMs, throughMs);
    assert.deepEqual(count(afterMs + 50_500), { count: 50, throughMs: afterMs + 50_000 });
    const thousandYears = at('3026-01-01T00:00:00Z');
    assert.deepEqual(count(thousandYears), {
      count: (thousandYears - afterMs) / 1000,
      throughMs: thousandYears,
    });
    assert.deepEqual(count(afterMs + 999), { count: 0, throughMs: afterMs });
    const leapDays = countOccurrences(cron('0 0 29 2 *'), -Infinity, at('0400-01-01T00:00:00Z'));
    assert.equal(leapDays.count, 97);
  });

  it('are as many as are found one by one, over years', () => {
    const expressions = [
      '0 0 * * *',
      '15,45 */6 1,15,31 * *',
      '0 12 13 * 5',
      '30 3 29 2 *',
      '0 0 31 */5 0',
      '59 23 * 6 1-5',
    ];
    const moments = fc.integer({ min: at('1896-01-01T00:00:00Z'), max: at('1905-01-01T00:00:00Z') });
    fc.assert(fc.property(fc.constantFrom(...expressions), moments, moments, (expression, one, other) => {
      const [afterMs, throughMs] = [Math.min(one, other), Math.max(one, other)];
      const all = occurrencesBetween(cron(expression), afterMs, throughMs, 1e6);
      const expected = { count: all.length, throughMs: all.at(-1) ?? afterMs };
      assert.deepEqual(countOccurrences(cron(expression), afterMs, throughMs), expected);
    }));
  });

  it('are found for more expressions than are remembered', () => {
    for (let i = 0; i < 5000; i++) {
      const [minute, hour, day] = [i % 60, Math.floor(i / 60) % 24, 1 + Math.floor(i / 1440)];
      const found = nextOccurrence(cron(`${minute} ${hour} ${day} 1 *`), at('2026-12-31T00:00:00Z'));
      assert.equal(found, Date.UTC(2027, 0, day, hour, minute));
    }
  });

  it('are refused in a zone that is not known', () => {
    assert.notEqual(zoneOf('Etc/UTC'), null);
    const timed: Timed = {
      type: 'cron',
      definition: { cron_expression: '* * * * *', timezone: 'Mars/Base' },
      created_at,
    };
    assert.throws(() => nextOccurrence(timed, 0), {
      message: 'the time zone "Mars/Base" is not known to this version',
    });
  });
});

describe('start_at and end_at', () => {
  const bounds = { start_at: new Date('2026-06-01T00:00:00Z'), end_at: new Date('2026-06-01T02:00:00Z') };
  for (const timed of [cron('0 * * * *', bounds), every('1h', bounds, '2026-01-01T00:00:00Z')]) {
    it(`bound a ${timed.type}, and belong to it`, () => {
      const all = ['2026-06-01T00:00:00.000Z', '2026-06-01T01:00:00.000Z', '2026-06-01T02:00:00.000Z'];
      assert.deepEqual(occurrencesBetween(timed, -Infinity, Infinity, 10).map(iso), all);
      assert.deepEqual(newestOccurrences(timed, -Infinity, Infinity, 10).map(iso), all);
      assert.equal(countOccurrences(timed, -Infinity, Infinity).count, 3);
      assert.equal(nextOccurrence(timed, bounds.end_at.getTime()), null);
      assert.equal(previousOccurrence(timed, bounds.start_at.getTime() - 1), null);
    });
  }

  it('do not keep occurrences from ending with what can be scheduled', () => {
    for (const timed of [cron('* * * * *'), every('1m', {}, '2026-01-01T00:00:00Z')]) {
      const lastMs = at('9999-12-31T23:59:00Z');
      assert.equal(nextOccurrence(timed, lastMs - 1), lastMs);
      assert.equal(nextOccurrence(timed, lastMs), null);
      assert.equal(nextOccurrence(timed, Infinity), null);
      assert.equal(previousOccurrence(timed, Infinity), lastMs);
      assert.equal(iso(nextOccurrence(timed, -Infinity)), '0000-01-01T00:00:00.000Z');
    }
  });
});
