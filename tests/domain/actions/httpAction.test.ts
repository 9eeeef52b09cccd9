import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  isRetryable,
  isSuccess,
  MAX_RETRY_AFTER_MS,
  pausesSchedule,
  retryAfterMs,
} from '../../../src/domain/actions/httpAction.ts';

const statuses = Array.from({ length: 400 }, (_, index) => 200 + index);

describe('the status of an answer', () => {
  it('means success when the action lists it, or its class', () => {
    assert.deepEqual(statuses.filter((status) => isSuccess(status, [404, '2xx'])), [
      ...statuses.slice(0, 100),
      404,
    ]);
    assert.deepEqual(statuses.filter((status) => isSuccess(status, [200, '3xx'])), [
      200,
      ...statuses.slice(100, 200),
    ]);
  });

  it('is followed by another attempt, unless that would be answered alike', () => {
    const retried = statuses.filter(isRetryable);
    assert.deepEqual(retried, [...statuses.slice(0, 100), 408, 425, 429, ...statuses.slice(300)]);
  });

  it('410 pauses the schedule, and no other', () => {
    assert.deepEqual(statuses.filter(pausesSchedule), [410]);
  });
});

describe('Retry-After', () => {
  const nowMs = Date.parse('2030-01-01T00:00:00.250Z');
  const waits: [string | null | undefined, number | null][] = [
    ['0', 0],
    ['120', 120_000],
    [' 5 ', 5000],
    ['Tue, 01 Jan 2030 00:00:10 GMT', 9750],
    ['Mon, 31 Dec 2029 23:59:59 GMT', 0],
    ['Tue, 01 Jan 2999 00:00:00 GMT', MAX_RETRY_AFTER_MS],
    ['86401', MAX_RETRY_AFTER_MS],
    ['9'.repeat(400), MAX_RETRY_AFTER_MS],
    [null, null],
    [undefined, null],
    ['', null],
    ['-1', null],
    ['1.5', null],
    ['5, 10', null],
    ['soon', null],
    ['Tue, 32 Jan 2030 00:00:10 GMT', null],
    ['2030-01-01T00:00:10Z', null],
    ['Tuesday, 01-Jan-30 00:00:10 GMT', null],
  ];
  for (const [header, waitMs] of waits) {
    it(`${JSON.stringify(header)?.slice(0, 40)} is ${waitMs === null ? 'no wait' : `${waitMs} ms`}`, () => {
      assert.equal(retryAfterMs(header, nowMs), waitMs);
    });
  }
});
