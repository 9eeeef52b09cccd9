import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { catchMutation } from './mutation.ts';
import { MUTATIONS } from './mutations.ts';
import { simulate } from './simulate.ts';

/** Twice what the one that is hardest to catch takes. */
const SEEDS = 120;

describe('the oracle notices that', () => {
  for (const mutation of MUTATIONS) {
    it(mutation.name, async () => {
      const caught = await catchMutation(mutation, 1, SEEDS, simulate);
      assert.ok(caught !== null, `not within ${SEEDS} seeds`);
    });
  }
});
