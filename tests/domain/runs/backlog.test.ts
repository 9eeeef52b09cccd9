import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backlog } from '../../../src/domain/runs/backlog.ts';

describe('the backlog of waiting runs', () => {
  it('has room for a schedule while its own are fewer than what is left', () => {
    const backlog = new Backlog(100);
    backlog.add('a', 49);
    assert.equal(backlog.hasRoom('a'), true);
    backlog.add('a', 1);
    assert.equal(backlog.hasRoom('a'), false, '50 wait, and 50 are left');
    assert.equal(backlog.hasRoom('b'), true, 'an overloaded schedule does not hold up another one');
  });

  it('never exceeds its limit, however many schedules add to it', () => {
    const backlog = new Backlog(100);
    for (let round = 0; round < 200; round++) {
      for (const id of ['a', 'b', 'c', 'd']) if (backlog.hasRoom(id)) backlog.add(id, 1);
    }
    assert.equal(backlog.total, 80, 'each has as many as are left');
  });

  it('goes by the last count, and tells once that there is one', () => {
    const backlog = new Backlog(100);
    backlog.add('a', 90);
    assert.equal(backlog.takeNews(), false);
    backlog.counted(new Map([['a', 10]]));
    assert.deepEqual([backlog.total, backlog.hasRoom('a')], [10, true]);
    assert.deepEqual([backlog.takeNews(), backlog.takeNews()], [true, false]);
  });
});
