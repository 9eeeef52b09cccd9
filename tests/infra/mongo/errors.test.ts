import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MongoBulkWriteError, MongoNetworkError, MongoServerError } from 'mongodb';
import { StoreRefused, StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { asStoreError } from '../../../src/infra/mongo/shared/errors.ts';

describe('an error of a call to MongoDB', () => {
  const withCode = (code: string) =>
    Object.assign(new Error('This socket has been ended by the other party'), { code });

  for (
    const [what, error] of [
      ['a connection that broke while it was written to', withCode('EPIPE')],
      ['a member that is no primary any more', new MongoServerError({ code: 10107, message: 'not primary' })],
    ] as const
  ) {
    it(`means that the store is not available: ${what}`, () => {
      const found = asStoreError('a claim', error);
      assert.equal(found.constructor, StoreUnavailable);
      assert.equal(found.cause, error);
      assert.match(found.message, /^MongoDB did not carry out a claim: /);
    });
  }

  const refusals: [what: string, error: Record<string, unknown>, reason: string][] = [
    ['a disk that is full', { code: 14031 }, 'OutOfDiskSpace'],
    ['a right that is missing', { code: 13, codeName: 'Unauthorized' }, 'Unauthorized'],
    ['a validator that objects', { code: 121 }, 'DocumentValidationFailure'],
    ['a full disk at a commit', {
      code: 14031,
      errorLabels: ['UnknownTransactionCommitResult'],
    }, 'OutOfDiskSpace'],
    ['an unknown code, by name', { code: 123_456, codeName: 'NotToday' }, 'NotToday'],
    ['an unknown code', { code: 123_456 }, 'code 123456'],
  ];
  for (const [what, fields, reason] of refusals) {
    it(`means that the store refuses the call: ${what}`, () => {
      const error = new MongoServerError({ message: 'no, the server says', ...fields });
      const found = asStoreError('a claim', error);
      assert.ok(found instanceof StoreRefused);
      assert.ok(found instanceof StoreUnavailable, 'it is dealt with as if there were no answer');
      assert.equal(found.reason, reason);
      assert.equal(found.cause, error);
      assert.equal(found.message, 'MongoDB refused a claim: no, the server says');
    });
  }

  it('is what a bulk write failed of, not the bulk write', () => {
    const closed = new MongoNetworkError('connection closed');
    const error = asStoreError(
      'the recording of a term',
      new MongoBulkWriteError(closed as never, {} as never),
    );
    assert.equal(error.constructor, StoreUnavailable);
    assert.equal(error.cause, closed);
  });

  it('stays what it is when it is a mistake of ours', () => {
    const error = new TypeError('no such method');
    assert.equal(asStoreError('a claim', error), error);
    assert.equal(asStoreError('a claim', withCode('ERR_INVALID_ARG_TYPE')).name, 'Error');
  });
});
