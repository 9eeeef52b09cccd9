import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { leaseTimingProblems } from '../../../src/domain/leadership/leaseTiming.ts';
import { later } from '../../../src/domain/leadership/watermark.ts';
import { ServerTime } from '../../../src/domain/leadership/serverTime.ts';
import { TrustWindow } from '../../../src/domain/leadership/trustWindow.ts';

describe('the trust window', () => {
  it('counts from the start of the renewal, a margin less than the lease', () => {
    const trust = new TrustWindow({ durationMs: 3000, marginMs: 500 });
    assert.ok(trust.leftMs(0) <= 0, 'nothing is trusted before the first renewal');
    trust.renewed(1000);
    assert.equal(trust.leftMs(1000), 2500);
    assert.ok(trust.leftMs(3500) <= 0);
  });

  it('is not shortened by a renewal that started earlier and is answered later', () => {
    const trust = new TrustWindow({ durationMs: 3000, marginMs: 500 });
    trust.renewed(1000);
    trust.renewed(400);
    assert.equal(trust.leftMs(1000), 2500);
  });

  it('is over when the term is', () => {
    const trust = new TrustWindow({ durationMs: 3000, marginMs: 500 });
    trust.renewed(1000);
    trust.end();
    assert.ok(trust.leftMs(1000) <= 0);
  });
});

describe("the server's time", () => {
  it('is not known before a sample', () => {
    assert.throws(() => new ServerTime().nowMs(0), /not known yet/);
  });

  it('goes by the quickest answer', () => {
    const time = new ServerTime();
    time.sample(0, 100, 1_000_010, 'read'); // asked at 0, answered at 100: the server looked somewhere in between
    time.sample(200, 202, 1_000_191, 'read');
    assert.ok(Math.abs(time.nowMs(300) - 1_000_290.5) < 1, `${time.nowMs(300)}`);
    time.sample(400, 480, 1_000_475, 'read');
    assert.ok(Math.abs(time.nowMs(500) - 1_000_490.5) < 1, 'a slow answer does not spoil it');
  });

  it('believes a step of the clock at once, also from a slower answer', () => {
    const time = new ServerTime();
    time.sample(0, 1, 1_000_000, 'read');
    time.sample(100, 120, 1_300_110, 'read');
    assert.ok(Math.abs(time.nowMs(200) - 1_300_200) < 15, `${time.nowMs(200)}`);
  });

  it('takes a write for early in the round trip, and goes by a read that is not much older or slower', () => {
    const time = new ServerTime();
    // The server's clock is ahead by a million, and it looks at once: the middle would be 5 ms late.
    time.sample(0, 10, 1_000_000, 'write');
    assert.ok(Math.abs(time.nowMs(20) - 1_000_020) <= 5, 'better than nothing');
    time.sample(20, 22, 1_000_021, 'read');
    for (let ms = 300; ms <= 10_000; ms += 300) {
      time.sample(ms, ms + 10, 1_000_000 + ms, 'write');
      assert.ok(Math.abs(time.nowMs(ms) - 1_000_000 - ms) <= 1, `${time.nowMs(ms)} at ${ms}`);
    }
  });

  it('is to be read every ten seconds, and at once when it was set', () => {
    const time = new ServerTime();
    assert.equal(time.wantsRead(0), true);
    time.sample(0, 10, 1_000_000, 'write');
    assert.equal(time.wantsRead(10), true);
    time.sample(10, 12, 1_000_011, 'read');
    assert.deepEqual([time.wantsRead(9000), time.wantsRead(10_012)], [false, true]);
    time.sample(9000, 9010, 1_309_000, 'write');
    assert.equal(time.wantsRead(9010), true);
    assert.ok(Math.abs(time.nowMs(9010) - 1_309_010) <= 5, 'a write tells as well that it was set');
  });

  it('is not spoilt by a call in which the process was frozen, or its machine slept', () => {
    const time = new ServerTime();
    time.sample(0, 2, 1_000_001, 'read');
    // Sent only after a minute, and answered at once.
    time.sample(1000, 61_000, 1_060_998, 'read');
    assert.ok(Math.abs(time.nowMs(61_000) - 1_061_000) <= 2, `${time.nowMs(61_000)}`);
    time.sample(61_100, 61_104, 1_061_102, 'read');
    assert.ok(Math.abs(time.nowMs(61_104) - 1_061_104) <= 2);
  });

  it('forgets old samples, so that a drift is followed', () => {
    const time = new ServerTime();
    time.sample(0, 0.5, 1_000_000, 'read');
    for (let ms = 1000; ms <= 60_000; ms += 1000) {
      time.sample(ms, ms + 1, Math.floor(1_000_000 + ms * 1.0001), 'read');
    }
    assert.ok(Math.abs(time.nowMs(60_000) - (1_000_000 + 60_000 * 1.0001)) < 4.5, `${time.nowMs(60_000)}`);
  });
});

describe('the timing of the lease', () => {
  it('is sound by default', () => {
    assert.deepEqual(leaseTimingProblems({ durationMs: 3000, retryMs: 300, marginMs: 500 }), []);
  });

  it('must leave room for two failed renewals, and for a margin', () => {
    assert.match(
      leaseTimingProblems({ durationMs: 3000, retryMs: 1000, marginMs: 500 }).join(),
      /two renewals may fail/,
    );
    assert.match(
      leaseTimingProblems({ durationMs: 3000, retryMs: 300, marginMs: 1600 }).join(),
      /at most half/,
    );
    assert.equal(leaseTimingProblems({ durationMs: 100, retryMs: 1, marginMs: 1 }).length, 3);
  });
});

describe('the later of two marks', () => {
  const mark = (claimedThroughMs: number, mirroredThroughMs: number) => ({
    claimedThroughMs,
    mirroredThroughMs,
  });

  it('is one of them: their numbers are true together only', () => {
    assert.deepEqual(later(mark(100, 50), mark(100, 60)), mark(100, 60));
    assert.deepEqual(later(mark(100, 50), mark(94, 60)), mark(100, 50));
    assert.deepEqual(later(mark(100, 50), mark(110, 40)), mark(100, 50));
  });
});
