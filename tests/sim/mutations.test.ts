import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RUNTIME } from '../../src/local/runtime.ts';
import { byCommand } from '../../harness/sim/command.ts';
import { MUTATIONS } from '../../harness/sim/mutations.ts';

/** Several times what the one that is hardest to catch takes: which seeds catch it moves with every change. */
const SEEDS = 500;

/** Each machine computes the same: on Deno a sample tells whether it does so there. */
const TRIED = MUTATIONS.filter((_, index) => RUNTIME === 'node' || index % 4 === 0);

describe('the oracle', () => {
  it('notices each of the deliberate bugs', async (t) => {
    const names = TRIED.flatMap(({ name }) => ['--mutation', name]);
    const { said, code } = await byCommand([...names, '--seeds', `${SEEDS}`]);
    for (const line of said.trimEnd().split('\n')) t.diagnostic(line);
    assert.equal(code, 0);
    assert.match(
      said,
      new RegExp(`^${TRIED.length} deliberate bugs, 0 not detected within ${SEEDS} seeds$`, 'm'),
    );
    for (const { name } of TRIED) assert.match(said, new RegExp(`^ *\\d+ seeds? +${name}: `, 'm'));
  });
});
