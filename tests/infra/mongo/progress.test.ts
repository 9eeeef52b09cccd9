import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { progressMs } from '../../../src/infra/mongo/schedules/progress.ts';

describe('progress of a change stream', () => {
  it('is two seconds before the cluster time in the resume token', () => {
    const highWaterMark = { _data: '8265A1B2C3000000012B0229296E04' };
    const ofAnEvent = { _data: '8265a1b2c3000000072b022c0100296e5a1004463c645f696400' };
    assert.equal(progressMs(highWaterMark), 0x65a1b2c3 * 1000 - 2000);
    assert.equal(progressMs(ofAnEvent), 0x65a1b2c3 * 1000 - 2000);
  });

  it('is unknown when the token has another form', () => {
    const tokens = [null, undefined, {}, { _data: 5 }, { _data: '' }, { _data: '82' }, {
      _data: '8365A1B2C300000001',
    }, {
      _data: '8265A1B2C3',
    }, '8265A1B2C300000001'];
    for (const token of tokens) assert.equal(progressMs(token), null);
  });
});
