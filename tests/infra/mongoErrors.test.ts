import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MongoServerError } from 'mongodb';
import { StoreUnavailable } from '../../src/actors/ports.ts';
import { asStoreError } from '../../src/infra/mongo/errors.ts';

describe('an error of a call to MongoDB', () => {
  const withCode = (code: string) =>
    Object.assign(new Error('This socket has been ended by the other party'), { code });

  for (
    const [what, error] of [
      ['a connection that broke while it was written to', withCode('EPIPE')],
      ['a disk that is full', new MongoServerError({ code: 14031, message: 'no space' })],
      ['a member that is no primary any more', new MongoServerError({ code: 10107, message: 'not primary' })],
    ] as const
  ) {
    it(`means that the store is not available: ${what}`, () => {
      const found = asStoreError('a claim', error);
      assert.ok(found instanceof StoreUnavailable);
      assert.equal(found.cause, error);
      assert.match(found.message, /^MongoDB did not carry out a claim: /);
    });
  }

  it('stays what it is when it is a mistake of ours', () => {
    const error = new TypeError('no such method');
    assert.equal(asStoreError('a claim', error), error);
    assert.equal(asStoreError('a claim', withCode('ERR_INVALID_ARG_TYPE')).name, 'Error');
  });
});
