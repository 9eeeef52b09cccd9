import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemRandom } from '../../src/infra/machine/random.ts';
import { rehearse } from '../../src/rehearsal.ts';
import { SimClock } from '../support/simClock.ts';

it('a rehearsal comes to its end, and leaves nothing behind', async () => {
  const clock = new SimClock();
  let over = false;
  const rehearsal = rehearse(clock, systemRandom()).then(() => over = true);
  await clock.advance(200);
  assert.equal(over, false, 'it takes its time');
  await clock.advance(1000);
  assert.equal(over, true);
  await rehearsal;
  assert.equal(clock.timers, 0);
});
