import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { jitterMs } from '../../../src/domain/timing/jitter.ts';

const T = Date.UTC(2030, 0, 1);
const HOUR_MS = 3_600_000;

describe('jitter', () => {
  it('is the same for the same occurrence, on every replica and in every version', () => {
    assert.deepEqual(
      [0, 1, 2].map((k) => jitterMs('nightly', T + k * HOUR_MS, HOUR_MS)),
      [1_049_384, 19_649, 2_246_524],
    );
  });

  it('is a whole number of milliseconds, from 0 to before the bound', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer(), fc.integer({ min: 1, max: HOUR_MS }), (id, atMs, boundMs) => {
        const delayMs = jitterMs(id, atMs, boundMs);
        assert.ok(Number.isInteger(delayMs) && delayMs >= 0 && delayMs < boundMs, `${delayMs}`);
      }),
    );
    assert.equal(jitterMs('s', T, 0), 0);
  });

  const spreads: [what: string, delay: (k: number) => number][] = [
    ['schedules that are due at the same moment', (k) => jitterMs(`job-${k}`, T, HOUR_MS)],
    ['consecutive seconds of one schedule', (k) => jitterMs('job', T + k * 1000, HOUR_MS)],
    ['the same hour of consecutive days', (k) => jitterMs('job', T + k * 24 * HOUR_MS, HOUR_MS)],
  ];
  for (const [what, delay] of spreads) {
    it(`spreads ${what} evenly`, () => {
      const counts = Array.from({ length: 20 }, () => 0);
      for (let k = 0; k < 10_000; k++) counts[Math.floor(delay(k) / HOUR_MS * 20)]!++;
      // 500 each; six standard deviations of a fair spread.
      for (const count of counts) assert.ok(Math.abs(count - 500) < 6 * Math.sqrt(500 * 0.95), `${counts}`);
    });
  }

  it('moves neighbours apart: no schedule follows another', () => {
    let together = 0;
    for (let k = 0; k < 1000; k++) {
      const [a, b] = [jitterMs('job-1', T + k * 1000, HOUR_MS), jitterMs('job-2', T + k * 1000, HOUR_MS)];
      if (Math.abs(a - b) < HOUR_MS / 100) together++;
    }
    assert.ok(together < 60, `${together} of 1000, where 20 are to be expected`);
  });
});
