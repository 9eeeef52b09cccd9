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
import { byCommand } from '../../harness/sim/command.ts';
import { simulate } from '../../harness/sim/simulate.ts';

/** Each machine computes the same: on Deno a few tell whether it does so there. */
const SEEDS = RUNTIME === 'node' ? 100 : 40;

describe('a cluster under random faults', () => {
  it(`keeps what it promises, and recovers: seeds 1 to ${SEEDS}`, async () => {
    const sums = await simulated(1, SEEDS);
    const seen = (what: string) => sums.get(what) ?? 0;
    // A storm that stirs nothing would prove nothing.
    assert.ok(seen('occurrences settled') > SEEDS * 50, `${seen('occurrences settled')} occurrences`);
    assert.ok(seen('terms') > SEEDS * 2, `${seen('terms')} terms`);
    assert.ok(seen('manual runs requested') > SEEDS, `${seen('manual runs requested')} requests`);
    assert.ok(seen('runs backfilled') > SEEDS, `${seen('runs backfilled')} runs backfilled`);
    assert.ok(seen('backfills completed') > SEEDS / 2, `${seen('backfills completed')} backfills`);
    for (
      const what of ['retried', 'taken', 'given their turn', 'replaced', 'cancelled', 'lost by an executor']
    ) {
      assert.ok(seen(`runs ${what}`) > SEEDS / 2, `${seen(`runs ${what}`)} runs ${what}`);
    }
  });
});

/** So many seeds by command, which must not find anything: what they summed up to, by name. */
async function simulated(first: number, count: number): Promise<Map<string, number>> {
  const { said, code } = await byCommand(['--seed', `${first}`, '--seeds', `${count}`]);
  assert.equal(code, 0, said);
  assert.match(said, new RegExp(`^${count} seeds in .*: 0 violations$`, 'm'));
  return new Map(
    [...said.matchAll(/^ *(\d+) (.+)$/gm)].map(([, number, what]) => [what as string, Number(number)]),
  );
}

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
