import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BadCursor, decodeCursor, encodeCursor } from '../../../src/domain/shared/cursor.ts';

describe('cursor', () => {
  it('gives the key back', () => {
    for (const id of ['a', 'a-b_c.d@2030-01-01T00:00:00.000Z', 'ÿ→😀', '']) {
      const cursor = encodeCursor([1_893_456_000_000, id]);
      assert.match(cursor, /^[A-Za-z0-9_-]+$/, 'it can stand in a URL');
      assert.deepEqual(decodeCursor(cursor, ['number', 'string']), [1_893_456_000_000, id]);
    }
  });

  it('refuses what is not a cursor of this list', () => {
    const notOurs = [
      '',
      'nonsense',
      '%%%',
      'bnVsbA',
      encodeCursor([]),
      encodeCursor(['a', 'b']),
      encodeCursor([1]),
    ];
    for (const cursor of notOurs) assert.throws(() => decodeCursor(cursor, ['string']), BadCursor, cursor);
    // No time is that late.
    for (const number of [1e300, 8.64e15 + 1]) {
      assert.throws(() => decodeCursor(encodeCursor([number, 'a']), ['number', 'string']), BadCursor);
    }
  });
});
