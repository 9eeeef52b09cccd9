import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  clockBehindMs,
  freeInMs,
  hasRunOut,
  isFree,
  later,
  type Lease,
  type LeaseReading,
  markOf,
  unrenewedSince,
} from '../../../src/domain/leadership/lease.ts';
import { heldLease } from '../../support/leases.ts';

const HEAD_START_MS = 100;

/** A lease that lasts until 10 s, read at `nowMs`. */
function reading(nowMs: number, changes: Partial<Lease> = {}): LeaseReading {
  const times = { renewed_at: new Date(7_000), expires_at: new Date(10_000) };
  return { lease: heldLease('a', 1, 0, { ...times, ...changes }), serverNowMs: nowMs };
}

const RELEASED = { released_at: new Date(10_000), released_by: 'released' } as const;
const LEFT = { ...RELEASED, heir: 'boot-b' };
const free = (read: LeaseReading, boot = 'boot-c') => freeInMs(read, boot, HEAD_START_MS);

describe('a lease', () => {
  it('is free from the moment on at which it is over', () => {
    assert.deepEqual([isFree(reading(9_999)), isFree(reading(10_000))], [false, true]);
    assert.deepEqual([free(reading(9_000)), free(reading(10_000)), free(reading(11_000))], [1000, 0, 0]);
  });

  it('is free when it was given back, also on a server whose clock is behind', () => {
    for (const nowMs of [4_000, 10_000, 11_000]) {
      assert.equal(isFree(reading(nowMs, RELEASED)), true);
      assert.equal(free(reading(nowMs, RELEASED)), 0);
      assert.equal(free(reading(nowMs, LEFT), 'boot-b'), 0);
    }
  });

  it('is left to its heir for a moment, except on a server whose clock is behind', () => {
    const waits = [10_000, 10_060, 10_100, 11_000].map((nowMs) => free(reading(nowMs, LEFT)));
    assert.deepEqual(waits, [100, 40, 0, 0]);
    assert.equal(free(reading(9_999, LEFT)), 0);
  });
});

describe('a lease on a server whose clock was set back', () => {
  const held = reading(0);

  it('is over when it was not renewed for its length, by the observer', () => {
    const seen = unrenewedSince(null, held, 50_000);
    assert.deepEqual(seen, { term: 1, renewedAtMs: 7_000, sinceMs: 50_000 });
    assert.equal(hasRunOut(seen, reading(2_900), 52_999), false);
    assert.equal(hasRunOut(seen, reading(2_900), 53_000), true);
    assert.deepEqual(unrenewedSince(seen, held, 51_000), seen, 'it is the same lease');
  });

  it('is counted anew when it was renewed, or taken by another', () => {
    const seen = unrenewedSince(null, held, 50_000);
    assert.equal(hasRunOut(seen, reading(0, { renewed_at: new Date(8_000) }), 53_000), false);
    assert.equal(hasRunOut(seen, reading(0, { term: 2 }), 53_000), false);
  });

  it('is an ordinary one once the clock has passed its renewal, or nearly', () => {
    for (const nowMs of [6_000, 7_000, 9_000]) {
      assert.equal(unrenewedSince(null, reading(nowMs), 0), null);
      assert.equal(hasRunOut({ term: 1, renewedAtMs: 7_000, sinceMs: 0 }, reading(nowMs), 99_000), false);
    }
    assert.equal(hasRunOut(null, held, 99_000), false, 'nothing is known of how long it is like that');
  });

  it('says how far the clock is behind what it has shown', () => {
    const latest_at = new Date(7_000);
    assert.deepEqual([0, 5_000, 6_000, 8_000].map((nowMs) => clockBehindMs(reading(nowMs, { latest_at }))), [
      7_000,
      2_000,
      0,
      0,
    ]);
    assert.equal(clockBehindMs(reading(0)), 0, 'an older version does not say');
  });
});

describe('a watermark', () => {
  const own = { claimedThroughMs: 5, mirroredThroughMs: 4 };
  const mark = { claimedThroughMs: 10, mirroredThroughMs: 9, setAside: new Map([['a', own]]) };

  it('holds for all schedules but those that it leaves out', () => {
    assert.deepEqual(markOf(mark, 'a'), own);
    assert.deepEqual(markOf(mark, 'b'), { claimedThroughMs: 10, mirroredThroughMs: 9 });
  });

  it('is followed as a whole, with what it leaves out', () => {
    const next = { claimedThroughMs: 10, mirroredThroughMs: 10 };
    assert.equal(later(mark, next), next);
    assert.equal(later(mark, { ...next, claimedThroughMs: 9 }), mark);
  });
});
