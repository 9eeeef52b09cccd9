import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Execute } from '../../../src/actors/runs/execute.ts';
import { type RunWork, workOf } from '../../../src/domain/runs/run.ts';
import { actionsOf } from '../../../src/infra/runs/dispatch.ts';
import { owned } from '../../support/runs.ts';

const log: Execute = () => Promise.resolve({ output: 'logged' });
const { signal } = new AbortController();

/** An attempt of a run that another version has claimed, with its action. */
const withAction = (action: unknown) => {
  const run = owned('s', 0);
  return { run, work: { ...workOf(run), action } as RunWork };
};

describe('an action', () => {
  const execute = actionsOf({ log });

  it('is executed by its type', async () => {
    assert.deepEqual(await execute(withAction({ type: 'log' }), signal), { output: 'logged' });
  });

  for (const action of [{ type: 'http' }, { type: 'toString' }, { type: 7 }, {}, null, undefined]) {
    it(`of a type that this version does not have fails the attempt: ${JSON.stringify(action)}`, async () => {
      await assert.rejects(
        execute(withAction(action), signal),
        /^Error: This version has no action of the type/,
      );
    });
  }
});
