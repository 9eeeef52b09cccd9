import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noRoomFor } from '../../../src/domain/schedules/capacity.ts';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import { compacted, dropSettled, momentCount } from '../../../src/domain/schedules/compacted.ts';
import {
  countOccurrences,
  nextOccurrence,
  previousOccurrence,
} from '../../../src/domain/timing/occurrences.ts';
import { type Schedule, specOf } from '../../../src/domain/schedules/schedule.ts';
import { every } from '../../support/schedules.ts';

const mark = (ms: number) => ({ claimedThroughMs: ms, mirroredThroughMs: ms });

/** A schedule that fires at these moments, in force since `fromMs`. */
function at(timesMs: readonly number[], fromMs = 0, more: Partial<Schedule> = {}): Schedule {
  const times = timesMs.map((ms) => new Date(ms));
  return { ...every(1, fromMs), ...more, type: 'at_times', definition: { times } } as Schedule;
}

const timesOf = (schedule: Schedule) => {
  assert.ok(schedule.type === 'at_times');
  return schedule.definition.times;
};

describe('the moments of a schedule in memory', () => {
  it('are numbers, and only those that are not settled', () => {
    const small = compacted(at([10, 20, 30, 40]), 20);
    assert.deepEqual(timesOf(small), Float64Array.of(30, 40));
    assert.deepEqual(timesOf(compacted(at([10, 20]))), Float64Array.of(10, 20));
    assert.deepEqual(timesOf(compacted(at([10, 20]), 20)), new Float64Array(0));
  });

  it('mean the same as dates, after what is settled', () => {
    const [large, small] = [at([10, 20, 30, 40]), compacted(at([10, 20, 30, 40]), 10)];
    for (let ms = 10; ms <= 45; ms++) {
      assert.equal(nextOccurrence(small, ms), nextOccurrence(large, ms));
      const count = ({ count }: { count: number }) => count;
      assert.equal(count(countOccurrences(small, 10, ms)), count(countOccurrences(large, 10, ms)));
      if (ms >= 20) assert.equal(previousOccurrence(small, ms), previousOccurrence(large, ms));
    }
    assert.equal(previousOccurrence(small, 15), null);
  });

  it('of an earlier definition are those of its time', () => {
    const times = [10, 20, 30, 40, 50].map((ms) => new Date(ms));
    const old = {
      type: 'at_times',
      definition: { times },
      revision: 1,
      from: new Date(0),
      until: new Date(35),
    };
    const schedule = { ...every(100, 35), superseded: [old] } as Schedule;
    const [kept] = compacted(schedule, 15).superseded;
    assert.ok(kept?.type === 'at_times');
    assert.deepEqual(kept.definition.times, Float64Array.of(20, 30));
    assert.equal(momentCount(compacted(schedule, 15)), 2);
  });

  it('are kept without what firing does not need', () => {
    const texts = { description: 'x'.repeat(4096), tags: { team: 'x' }, paused: true, pause_reason: 'x' };
    const full = every(100, 0, { name: 'n', ...texts });
    assert.deepEqual(compacted(full), every(100, 0, { name: 'n', paused: true }));
    assert.deepEqual(full.tags, { team: 'x' });
  });

  it('leave other schedules as they are, and what they are made from', () => {
    const other = every(100, 0);
    assert.equal(compacted(other, 50), other);
    const dates = at([10, 20]);
    compacted(dates, 10);
    assert.deepEqual(timesOf(dates), [new Date(10), new Date(20)]);
    assert.equal(dropSettled(dates, 15), 0);
  });

  it('are dropped once half of them are settled', () => {
    const small = compacted(at([10, 20, 30, 40]));
    assert.equal(dropSettled(small, 20), 0);
    assert.equal(dropSettled(small, 30), 3);
    assert.deepEqual(timesOf(small), Float64Array.of(40));
  });
});

describe('the moments in a due queue', () => {
  it('are counted as they come and go', () => {
    const queue = new DueQueue();
    queue.put(at([10, 20, 30, 40], 0, { id: 'a' }), mark(10));
    queue.put(at([10, 20], 0, { id: 'b' }), mark(10));
    queue.put(every(100, 0, { id: 'c' }), mark(10));
    assert.equal(queue.moments, 4);
    queue.put(at([50, 60, 70], 45, { id: 'a', revision: 2 }), mark(10));
    assert.equal(queue.moments, 4);
    queue.advance(mark(65));
    assert.equal(queue.moments, 1);
    queue.remove('a');
    assert.equal(queue.moments, 0);
  });

  it('take eight bytes each, and no date is kept', () => {
    const queue = new DueQueue();
    queue.put(at([10, 20, 30, 40]), mark(0));
    assert.ok(timesOf(queue.get('s')?.schedule as Schedule) instanceof Float64Array);
    queue.put(at([50, 60], 45, { revision: 2 }), mark(0));
    assert.ok(timesOf(queue.get('s')?.schedule as Schedule) instanceof Float64Array);
  });
});

describe('room for a schedule', () => {
  const held = { schedules: 9, moments: 15, momentsOf: (id: string) => id === 'a' ? 4 : null };
  const by = { held, limits: { schedules: 10, moments: 20 }, nowMs: 100 };
  const asked = (timesMs: number[], isNew: boolean, id = isNew ? 'new' : 'a') => ({
    id,
    spec: specOf(at(timesMs)),
    isNew,
  });
  const many = (count: number) => Array.from({ length: count }, (_, i) => 101 + i);

  it('is there as long as neither limit is passed', () => {
    assert.equal(noRoomFor(asked(many(5), true), by), null);
    assert.equal(noRoomFor(asked([...many(5), 1, 2, 100].toSorted((a, b) => a - b), true), by), null);
    assert.equal(noRoomFor(asked(many(9), false), by), null);
  });

  it('is not there beyond them', () => {
    assert.match(
      noRoomFor(asked(many(6), true), by) ?? '',
      /^the schedules of type at_times have 15 times to come, .* 20/,
    );
    assert.match(noRoomFor(asked(many(10), false), by) ?? '', /6 more exceed it/);
    const full = { ...by, held: { ...held, schedules: 10 } };
    assert.match(
      noRoomFor(asked([], true), full) ?? '',
      /^there are 10 schedules, and the limit is 10: .*MAX_SCHEDULES/,
    );
    assert.equal(noRoomFor(asked([], false), full), null);
  });

  it('is always there for what takes up no more than before', () => {
    const over = { ...by, limits: { schedules: 1, moments: 1 } };
    assert.equal(noRoomFor(asked(many(4), false), over), null);
  });
});
