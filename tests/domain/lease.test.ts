import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freeInMs, isFree, type Lease, type LeaseReading } from '../../src/domain/lease.ts';
import { leaseWith } from '../support/leases.ts';

const HEAD_START_MS = 100;

/** A lease that lasts until 10 s, or was given back then, as it is read at `nowMs`. */
function reading(nowMs: number, changes: Partial<Lease> = {}): LeaseReading {
  const lease = leaseWith({
    holder: 'a',
    boot: 'boot-a',
    term: 1,
    address: 'http://a',
    acquired_at: new Date(0),
    began_by: 'acquired',
    renewed_at: new Date(7_000),
    expires_at: new Date(10_000),
    ...changes,
  });
  return { lease, serverNowMs: nowMs };
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

  it('is left to its heir for a moment, but to nobody on a server whose clock is behind', () => {
    const waits = [10_000, 10_060, 10_100, 11_000].map((nowMs) => free(reading(nowMs, LEFT)));
    assert.deepEqual(waits, [100, 40, 0, 0]);
    assert.equal(free(reading(9_999, LEFT)), 0);
  });
});
