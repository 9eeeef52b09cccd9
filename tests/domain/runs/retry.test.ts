import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backoffMs } from '../../../src/domain/runs/retry.ts';

const RETRY = { max_attempts: 20, initial_backoff: '1s', multiplier: 3, max_backoff: '20s' };
/** Just below 1, as a random source may say. */
const MOST = 1 - 2 ** -40;

describe('the wait before the next attempt', () => {
  it('has a bound that grows with each failure, up to the limit', () => {
    const bounds = [1, 2, 3, 4, 5, 20].map((failures) => backoffMs(RETRY, failures, MOST));
    assert.deepEqual(bounds, [999, 2999, 8999, 19_999, 19_999, 19_999]);
  });

  it('is anything below the bound, so that runs that failed together come back one by one (full jitter)', () => {
    const waits = [0, 0.25, 0.5, 0.75].map((random) => backoffMs(RETRY, 2, random));
    assert.deepEqual(waits, [0, 750, 1500, 2250]);
  });

  it('is never above the limit, even before the second attempt', () => {
    assert.equal(backoffMs({ ...RETRY, initial_backoff: '1h' }, 1, MOST), 19_999);
  });

  it('stays a number, however many failures and whatever the factor', () => {
    assert.equal(backoffMs({ ...RETRY, multiplier: 1e300 }, 20, MOST), 19_999);
    assert.equal(backoffMs({ ...RETRY, multiplier: 1 }, 20, 0.5), 500);
  });
});
