import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LogThrottle } from '../../../src/infra/log/logThrottle.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

describe('what is told seldom', () => {
  it('has its turn at first, then when the time is over, with the number of those that had none', async () => {
    const clock = new SimClock(0);
    const throttle = new LogThrottle(clock, 1000);
    assert.equal(throttle.admit('a'), 0);
    assert.equal(throttle.admit('a'), null);
    await clock.advance(999);
    assert.equal(throttle.admit('a'), null);
    assert.equal(throttle.admit('b'), 0, 'each for itself');
    await clock.advance(1);
    assert.equal(throttle.admit('a'), 2);
    await clock.advance(5000);
    assert.equal(throttle.admit('a'), 0);
  });
});
