import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { brief } from '../../../src/actors/shared/brief.ts';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';

describe('what is shown of a value', () => {
  it('is the value itself where that is short and plain', () => {
    const plain = { type: 'STOP', count: 3, on: true, none: null, list: [1, 'two', { three: 3 }] };
    assert.deepEqual(brief(plain), plain);
    assert.equal(brief(new Date(0)), '1970-01-01T00:00:00.000Z');
    assert.equal(brief(new Error('no')), 'Error: no');
  });

  it('has no functions, and only the names of what has a class', () => {
    const value = { queue: new DueQueue(), random: () => 0.5, known: new Map([[1, 2]]), far: -Infinity };
    assert.deepEqual(JSON.parse(JSON.stringify(brief(value))), {
      queue: '[DueQueue]',
      known: '[Map of 1]',
      far: '-Infinity',
    });
  });

  it('ends where it would go round in a circle, and below some depth', () => {
    const circle: Record<string, unknown> = { name: 'a' };
    circle.self = { inner: circle };
    assert.deepEqual(brief(circle), { name: 'a', self: { inner: '[circular]' } });
    const twice = { same: 1 };
    assert.deepEqual(brief([twice, twice]), [twice, twice], 'to be there twice is no circle');
    assert.deepEqual(brief({ a: { b: { c: { d: { e: [1, 2] } } } } }), {
      a: { b: { c: { d: { e: '[2 items]' } } } },
    });
  });

  it('says how much is left out', () => {
    const list = Array.from({ length: 100_000 }, (_, i) => ({ id: i }));
    const short = brief({ schedules: list }) as { schedules: unknown[] };
    assert.deepEqual([short.schedules.length, short.schedules[10]], [11, '… 99990 more']);
    assert.equal((brief('x'.repeat(9999)) as string).length, 301);
  });

  it('is said to be unreadable where looking at it throws, and the rest is shown', () => {
    const throws = () => {
      throw new Error('not for you');
    };
    const getter = Object.defineProperty({ good: 1 }, 'bad', { get: throws, enumerable: true });
    const proxy = new Proxy({}, { ownKeys: throws, getPrototypeOf: throws });
    const error = Object.defineProperty(new Error(), 'message', { get: throws });
    assert.deepEqual(brief({ getter, deeper: [proxy, error], last: 2 }), {
      getter: { good: 1, bad: '[unreadable]' },
      deeper: ['[unreadable]', '[unreadable]'],
      last: 2,
    });
  });

  it('is JSON, and short, whatever it is made from', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, maxDepth: 6 }), (value) => {
        const text = JSON.stringify(brief([value, [value, value]])) ?? '';
        assert.ok(text.length < 200_000);
      }),
    );
  });
});
