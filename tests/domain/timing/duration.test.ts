import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  DAY_MS,
  formatDuration,
  HOUR_MS,
  MINUTE_MS,
  parseDuration,
  SECOND_MS,
} from '../../../src/domain/timing/duration.ts';

describe('durations as Go writes them', () => {
  const understood: [string, number][] = [
    ['300ms', 300],
    ['1h30m', 90 * MINUTE_MS],
    ['1.5s', 1500],
    ['-5s', -5 * SECOND_MS],
    ['+5s', 5 * SECOND_MS],
    ['-1h30m', -90 * MINUTE_MS],
    ['0', 0],
    ['-0', 0],
    ['.5s', 500],
    ['1.s', 1000],
    ['30m1h', 90 * MINUTE_MS],
    ['1us', 0.001],
    ['1µs', 0.001],
    ['1μs', 0.001],
    ['1ns', 0.000001],
    ['0.1ms', 0.1],
    ['87600h', 3650 * DAY_MS],
    ['2562047h', 2562047 * HOUR_MS],
    ['-9223372036854775808ns', -9223372036854.775],
  ];
  for (const [text, ms] of understood) {
    it(`reads ${text} as ${ms} ms`, () => assert.equal(parseDuration(text), ms));
  }

  const advice = '; write numbers with the units h, m, s, ms, us or ns, as in "1h30m" or "300ms"';
  const refused: [string, string][] = [
    ['', '"" is not a duration: there is no number in it' + advice],
    ['-', '"-" is not a duration: there is no number in it' + advice],
    ['5', '"5" is not a duration: a unit is missing after 5' + advice],
    ['1h2.5', '"1h2.5" is not a duration: a unit is missing after 2.5' + advice],
    ['.s', '".s" is not a duration: a number is missing' + advice],
    ['--1s', '"--1s" is not a duration: a number is missing' + advice],
    ['3d', '"3d" is not a duration: "d" is not a unit' + advice],
    ['1S', '"1S" is not a duration: "S" is not a unit' + advice],
    ['1h 3m', '"1h 3m" is not a duration: "h " is not a unit' + advice],
    ['1e3s', '"1e3s" is not a duration: "e" is not a unit' + advice],
    [
      '9223372036854775808ns',
      '"9223372036854775808ns" is not a duration: it is longer than 292 years' + advice,
    ],
    ['1'.repeat(101), 'a duration has at most 100 characters, this one has 101'],
  ];
  for (const [text, message] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () =>
      assert.throws(() => parseDuration(text), { message }));
  }

  const printed: [number, string][] = [
    [0, '0s'],
    [300, '300ms'],
    [1.5, '1.5ms'],
    [0.0015, '1.5µs'],
    [0.000001, '1ns'],
    [1500, '1.5s'],
    [60_000, '1m0s'],
    [HOUR_MS, '1h0m0s'],
    [90 * MINUTE_MS + 1, '1h30m0.001s'],
    [-5000, '-5s'],
    [999.9999999, '1s'],
  ];
  for (const [ms, text] of printed) {
    it(`prints ${ms} ms as ${text}`, () => assert.equal(formatDuration(ms), text));
  }

  it('reads what it prints', () => {
    fc.assert(fc.property(fc.integer({ min: -1e14, max: 1e14 }), (us) => {
      assert.equal(parseDuration(formatDuration(us / 1000)), us / 1000 + 0);
    }));
  });
});
