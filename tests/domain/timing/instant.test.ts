import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseInstant } from '../../../src/domain/timing/instant.ts';

describe('RFC 3339 times', () => {
  const understood: [string, string][] = [
    ['2026-01-31T09:30:00Z', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31t09:30:00z', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31T10:30:00+01:00', '2026-01-31T09:30:00.000Z'],
    ['2026-01-31T00:00:00-23:59', '2026-01-31T23:59:00.000Z'],
    ['2026-01-31T09:30:00.1Z', '2026-01-31T09:30:00.100Z'],
    ['2026-01-31T09:30:00.9999999Z', '2026-01-31T09:30:00.999Z'],
    ['2024-02-29T00:00:00-00:00', '2024-02-29T00:00:00.000Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
    ['9999-12-31T23:59:59.9999Z', '9999-12-31T23:59:59.999Z'],
    ['9999-12-31T22:59:59-01:00', '9999-12-31T23:59:59.000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z'],
    ['2016-12-31T23:59:60.25Z', '2017-01-01T00:00:00.250Z'],
    ['1990-12-31T15:59:60-08:00', '1991-01-01T00:00:00.000Z'],
    ['2015-07-01T08:59:60+09:00', '2015-07-01T00:00:00.000Z'],
    ['0000-02-29T23:59:60Z', '0000-03-01T00:00:00.000Z'],
  ];
  for (const [text, utc] of understood) {
    it(`reads ${text}`, () => assert.equal(new Date(parseInstant(text)).toISOString(), utc));
  }

  const advice =
    ' is not an RFC 3339 time; write one such as "2026-01-31T09:30:00Z" or "2026-01-31T10:30:00+01:00"';
  const missing = ' is a date or time that does not exist';
  const noLeap = `${missing}: a leap second ends the last day of a month, UTC`;
  const outside = ' is outside of what can be scheduled, 0000-01-01 to 9999-12-31 UTC';
  const refused: [string, string][] = [
    ['tomorrow', advice],
    ['2026-01-31', advice],
    ['2026-01-31T09:30:00', advice],
    ['2026-01-31T09:30Z', advice],
    ['2026-01-31 09:30:00Z', advice],
    ['2026-1-31T09:30:00Z', advice],
    ['+02026-01-31T09:30:00Z', advice],
    ['2026-01-31T09:30:00+0100', advice],
    ['2025-02-29T00:00:00Z', missing],
    ['2025-02-30T00:00:00Z', missing],
    ['2025-13-01T00:00:00Z', missing],
    ['2025-01-01T24:00:00Z', missing],
    ['2025-01-01T23:59:60Z', noLeap],
    ['2016-12-31T23:58:60Z', noLeap],
    ['2016-12-31T23:59:60+01:00', noLeap],
    ['2016-12-31T00:00:60Z', noLeap],
    ['2016-12-31T23:59:61Z', missing],
    ['2016-12-31T23:60:60Z', missing],
    ['2016-12-32T23:59:60Z', missing],
    ['2025-01-01T00:00:00+24:00', missing],
    ['2025-01-01T00:00:00+01:60', missing],
    ['9999-12-31T23:59:60Z', outside],
    ['9999-12-31T23:59:59-00:01', outside],
    ['0000-01-01T00:00:00+01:00', outside],
  ];
  for (const [text, rest] of refused) {
    it(`refuses ${text}`, () =>
      assert.throws(() => parseInstant(text), { message: JSON.stringify(text) + rest }));
  }

  it('shows only the beginning of a long text', () => {
    assert.throws(() => parseInstant('x'.repeat(1e6)), {
      message: JSON.stringify('x'.repeat(40) + '…') + advice,
    });
  });
});
