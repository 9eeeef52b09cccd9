import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RUNTIME } from '../../src/local/runtime.ts';
import { catchMutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import { simulate } from './simulate.ts';

/** Several times what the one that is hardest to catch takes: which seeds catch it moves with every change. */
const SEEDS = 500;

/** Each machine computes the same: on Deno a sample tells whether it does so there. */
const TRIED = MUTATIONS.filter((_, index) => RUNTIME === 'node' || index % 4 === 0);

describe('the oracle notices that', () => {
  for (const mutation of TRIED) {
    it(mutation.name, async () => {
      const caught = await catchMutation(mutation, 1, SEEDS, simulate);
      assert.ok(caught !== null, `not within ${SEEDS} seeds`);
    });
  }
});
