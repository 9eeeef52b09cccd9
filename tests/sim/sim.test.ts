/**
 * The guarantees, under every fault that can be thought of: many short simulations, each told by its seed. More
 * of them: `npm run test:sim -- --seeds 2000`.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PROJECT_DIR, RUNTIME } from '../../src/local/runtime.ts';
import { report } from './report.ts';
import { simulate } from './simulate.ts';

/** Each machine computes the same: on Deno a few tell whether it does so there. */
const SEEDS = process.env.CI === 'true' && RUNTIME === 'node' ? 500 : 100;
const IN_ONE_TEST = 50;

describe('a cluster under random faults', () => {
  for (let first = 1; first <= SEEDS; first += IN_ONE_TEST) {
    it(`keeps what it promises, and recovers: seeds ${first} to ${first + IN_ONE_TEST - 1}`, async () => {
      let occurrences = 0;
      let terms = 0;
      for (let seed = first; seed < first + IN_ONE_TEST; seed++) {
        const result = await simulate(seed);
        assert.equal(result.violation, null, report(result));
        occurrences += result.occurrences;
        terms += result.terms;
      }
      // A storm that stirs nothing would prove nothing.
      assert.ok(occurrences > IN_ONE_TEST * 50 && terms > IN_ONE_TEST * 2, `${occurrences}, ${terms}`);
    });
  }
});

describe('a simulation', () => {
  it('is the same each time, and another one for each seed', async () => {
    const [once, again, other] = [await simulate(3), await simulate(3), await simulate(4)];
    assert.deepEqual(again, once);
    assert.notEqual(other.hash, once.hash);
  });

  it('is the same on Node.js and on Deno', async (t) => {
    const deno = join(PROJECT_DIR, 'node_modules', '.bin', 'deno');
    if (RUNTIME === 'deno' || !existsSync(deno)) return t.skip('compared by Node.js, where there is a Deno');
    const args = ['run', '-A', '--no-check', 'scripts/sim.ts', '--seed', '5'];
    const { stdout, stderr } = spawnSync(deno, args, { cwd: PROJECT_DIR, encoding: 'utf8' });
    const { hash } = await simulate(5);
    assert.equal(/^hash ([0-9a-f]+)$/m.exec(stdout)?.[1], hash, stderr);
  });
});
