import assert from 'node:assert/strict';
import { it } from 'node:test';
import { systemRandom } from '../../src/infra/machine/random.ts';
import { warmUp } from '../../src/warmUp.ts';
import { SimClock } from '../../harness/sim/clock.ts';

it('a warm-up comes to its end, and leaves nothing behind', async () => {
  const clock = new SimClock();
  let over = false;
  const warmingUp = warmUp(clock, systemRandom()).then(() => over = true);
  await clock.advance(200);
  assert.equal(over, false, 'it takes its time');
  await clock.advance(1000);
  assert.equal(over, true);
  await warmingUp;
  assert.equal(clock.timers, 0);
});
