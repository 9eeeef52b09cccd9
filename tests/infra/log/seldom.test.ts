import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Seldom } from '../../../src/infra/log/seldom.ts';
import { SimClock } from '../../support/simClock.ts';

describe('what is told seldom', () => {
  it('has its turn at first, then when the time is over, with the number of those that had none', async () => {
    const clock = new SimClock(0);
    const seldom = new Seldom(clock, 1000);
    assert.equal(seldom.turn('a'), 0);
    assert.equal(seldom.turn('a'), null);
    await clock.advance(999);
    assert.equal(seldom.turn('a'), null);
    assert.equal(seldom.turn('b'), 0, 'each for itself');
    await clock.advance(1);
    assert.equal(seldom.turn('a'), 2);
    await clock.advance(5000);
    assert.equal(seldom.turn('a'), 0);
  });
});
