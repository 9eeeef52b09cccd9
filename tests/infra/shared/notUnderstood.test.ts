import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { notUnderstoodLog } from '../../../src/infra/shared/notUnderstood.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

describe('what is told of documents that are not understood', () => {
  const setUp = () => {
    const clock = new SimClock();
    const lines: Record<string, unknown>[] = [];
    const found: string[] = [];
    const warn = (_: string, fields = {}) => void lines.push(fields);
    const logger = { debug: assert.fail, info: assert.fail, error: assert.fail, warn };
    return { clock, lines, found, tell: notUnderstoodLog(logger, clock, (name) => found.push(name)) };
  };

  it('is each of them once, and again for another reason', () => {
    const { lines, found, tell } = setUp();
    for (const reason of ['a is 1', 'a is 1', 'a is 2']) tell('runs', 'x', reason);
    tell('leases', 'x', 'a is 1');
    assert.deepEqual(lines, [
      { collection: 'runs', id: 'x', reason: 'a is 1' },
      { collection: 'runs', id: 'x', reason: 'a is 2' },
      { collection: 'leases', id: 'x', reason: 'a is 1' },
    ]);
    assert.deepEqual(found, ['runs', 'runs', 'leases']);
  });

  it('is at most twenty lines a minute, and how many were left out', async () => {
    const { clock, lines, found, tell } = setUp();
    for (let i = 0; i < 50; i++) tell('runs', `r${i}`, 'broken');
    assert.deepEqual([lines.length, found.length], [20, 50]);
    await clock.advance(60_000);
    tell('runs', 'later', 'broken');
    assert.deepEqual(lines.at(-1), { collection: 'runs', id: 'later', reason: 'broken', suppressed: 30 });
  });
});
