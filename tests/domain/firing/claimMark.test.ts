import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { claimMark } from '../../../src/domain/firing/claimMark.ts';

const mark = (claimedThroughMs: number, mirroredThroughMs: number) => ({
  claimedThroughMs,
  mirroredThroughMs,
});
const parts = [{ scheduleId: 'a', owedFromMs: 100 }, { scheduleId: 'b', owedFromMs: 50 }];
const marks = { present: mark(20, 10), settled: mark(200, 150) };

describe('the watermark that a claim writes', () => {
  it('passes everything in the claim', () => {
    assert.deepEqual(claimMark(marks, parts, []), mark(200, 150));
  });

  it('stops before what the first of the stale schedules owes', () => {
    assert.deepEqual(claimMark(marks, parts, ['a']), mark(99, 150));
    assert.deepEqual(claimMark(marks, parts, ['b', 'a']), mark(49, 150));
  });

  it('never goes back, and keeps the marks of what is set aside', () => {
    assert.equal(claimMark({ ...marks, present: mark(60, 10) }, parts, ['b']).claimedThroughMs, 60);
    const settled = { ...marks.settled, setAside: new Map([['c', mark(1, 1)]]) };
    assert.deepEqual(claimMark({ ...marks, settled }, parts, ['a']), { ...settled, claimedThroughMs: 99 });
  });
});
