import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { coalesced } from '../../../src/infra/mongo/leadership/barrier.ts';

describe('shared call', () => {
  /** Calls that the test ends, in their order. */
  function calls() {
    const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const call = coalesced(() => new Promise<void>((resolve, reject) => ends.push({ resolve, reject })));
    return { ends, call };
  }

  const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

  it('lets those who come while one runs share the next, which starts after they came', async () => {
    const { ends, call } = calls();
    const done: string[] = [];
    void call().then(() => done.push('first'));
    for (const name of ['second', 'third', 'fourth']) void call().then(() => done.push(name));
    assert.equal(ends.length, 1);
    ends[0]?.resolve();
    await settled();
    assert.deepEqual(done, ['first']);
    assert.equal(ends.length, 2);
    void call().then(() => done.push('fifth'));
    ends[1]?.resolve();
    await settled();
    assert.deepEqual(done, ['first', 'second', 'third', 'fourth']);
    assert.equal(ends.length, 3);
    ends[2]?.resolve();
    await settled();
    assert.equal(done.at(-1), 'fifth');
    void call();
    assert.equal(ends.length, 4, 'an idle one starts at once');
  });

  it('passes a failure on to the watches that share it, and to no other', async () => {
    const { ends, call } = calls();
    const first = assert.rejects(call(), /one/);
    const second = call();
    ends[0]?.reject(new Error('one'));
    await first;
    await settled();
    ends[1]?.resolve();
    await second;
  });
});
