import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { leftOver, soak } from '../../harness/sim/soak.ts';

/** A quarter of a minute of simulated time here; the hour by command: `npm run test:sim -- --hour`. */
const FIRING_MS = 15_000;

it('a thousand occurrences a second leave nothing behind (G9)', async () => {
  setFlagsFromString('--expose-gc');
  const done = await soak(1000, FIRING_MS, runInNewContext('gc') as () => void);
  assert.ok(done.executions > FIRING_MS * 0.95, `${done.executions} were executed`);
  assert.ok(done.mostLiveJobs <= 200 && done.mostTimers < 1000, JSON.stringify(done));
  assert.deepEqual(leftOver(done), []);
});
