import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isFree } from '../../../src/domain/leadership/lease.ts';
import { lostLease, type Remains, wasDue } from '../../../src/domain/leadership/lostLease.ts';
import { heldLease } from '../../support/leases.ts';

const NOW_MS = Date.UTC(2030, 0, 1);
const NOTHING: Remains = { newestTerm: 0, newestRun: null, latestRun: null };
const mark = (claimedThroughMs: number, mirroredThroughMs = claimedThroughMs) => ({
  claimedThroughMs,
  mirroredThroughMs,
});
const known = heldLease('a', 7, NOW_MS - 60_000, {
  renewed_at: new Date(NOW_MS - 300),
  expires_at: new Date(NOW_MS + 2_700),
  step_down_term: 7,
  watermark: mark(NOW_MS - 300, NOW_MS - 2_300),
});

describe('a lease document that has to be made', () => {
  it('owes nothing of the time before the very first start', () => {
    const lease = lostLease(null, NOTHING, NOW_MS);
    assert.deepEqual([lease.term, lease.renewed_at], [0, null]);
    // Two seconds: so little may `written_at` of what is made just then be behind, when the clock is set back.
    assert.deepEqual(lease.watermark, mark(NOW_MS, NOW_MS - 2000));
    assert.ok(isFree({ lease, serverNowMs: NOW_MS }));
  });

  it('continues from its last known state, without a holder and without a pending command', () => {
    const lease = lostLease(known, { newestTerm: 6, newestRun: null, latestRun: null }, NOW_MS);
    assert.deepEqual([lease.term, lease.watermark], [7, known.watermark]);
    assert.deepEqual([lease.released_at, lease.released_by], [new Date(NOW_MS), 'expired']);
    assert.equal(lease.step_down_term, null);
    assert.equal(lease.renewed_at?.getTime(), NOW_MS, 'claims up to now are looked up');
  });

  it('keeps how the last term ended, if it had', () => {
    const released_at = new Date(NOW_MS - 100);
    const ended = { ...known, released_at, expires_at: released_at, released_by: 'stepped down' } as const;
    const lease = lostLease(ended, NOTHING, NOW_MS);
    assert.deepEqual([lease.released_at, lease.released_by], [released_at, 'stepped down']);
  });

  it('is of no term below one that a record names, whose holder is then unknown', () => {
    const run = { scheduled_for: new Date(NOW_MS - 5_000), term: 9 };
    for (
      const remains of [{ newestTerm: 9, newestRun: null, latestRun: null }, {
        newestTerm: 8,
        newestRun: run,
        latestRun: run,
      }]
    ) {
      const lease = lostLease(known, remains, NOW_MS);
      assert.deepEqual([lease.term, lease.holder, lease.boot], [9, null, null]);
      assert.deepEqual(lease.watermark, known.watermark);
      assert.ok(isFree({ lease, serverNowMs: NOW_MS }));
    }
  });

  it('reaches back a minute before the newest run when no replica remembers it', () => {
    const run = { scheduled_for: new Date(NOW_MS - 3_600_000), term: 3 };
    const lease = lostLease(null, { newestTerm: 4, newestRun: run, latestRun: run }, NOW_MS);
    assert.deepEqual([lease.term, lease.watermark], [4, mark(NOW_MS - 3_660_000)]);
    assert.equal(lease.renewed_at?.getTime(), NOW_MS);
    const without = lostLease(null, { newestTerm: 4, newestRun: null, latestRun: null }, NOW_MS);
    assert.deepEqual(without.watermark, mark(NOW_MS - 60_000));
  });

  it('has claims looked up as far as any run reaches, where the clock was set back', () => {
    const latestRun = { scheduled_for: new Date(NOW_MS + 3_600_000) };
    const lease = lostLease(null, { newestTerm: 4, newestRun: null, latestRun }, NOW_MS);
    assert.deepEqual(lease.latest_at, latestRun.scheduled_for);
    assert.deepEqual(lease.watermark, mark(NOW_MS - 60_000));
  });

  it('goes by no record that was not due when it was claimed', () => {
    const claimed_at = new Date(NOW_MS);
    assert.ok(wasDue({ claimed_at, scheduled_for: new Date(NOW_MS + 1000) }));
    assert.ok(!wasDue({ claimed_at, scheduled_for: new Date(NOW_MS + 1001) }));
  });
});
