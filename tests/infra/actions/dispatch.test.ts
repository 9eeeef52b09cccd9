import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RunWork, workOf } from '../../../src/domain/runs/run.ts';
import { actionsOf } from '../../../src/infra/actions/dispatch.ts';
import { owned } from '../../support/runs.ts';

const log = () => Promise.resolve({ output: 'logged' });
const http = () => Promise.resolve({ output: 'sent' });
const { signal } = new AbortController();

/** An attempt of a run that another version has claimed, with its action. */
const withAction = (action: unknown) => {
  const run = owned('s', 0);
  return { run, work: { ...workOf(run), action } as RunWork };
};

describe('an action', () => {
  const execute = actionsOf({ log, http });

  it('is executed by its type', async () => {
    assert.deepEqual(await execute(withAction({ type: 'log' }), signal), { output: 'logged' });
    assert.deepEqual(await execute(withAction({ type: 'http' }), signal), { output: 'sent' });
  });

  for (const action of [{ type: 'telegram' }, { type: 'toString' }, { type: 7 }, {}, null, undefined]) {
    it(`of a type that this version does not have fails the attempt: ${JSON.stringify(action)}`, async () => {
      await assert.rejects(
        execute(withAction(action), signal),
        /^Error: This version has no action of the type/,
      );
    });
  }
});
