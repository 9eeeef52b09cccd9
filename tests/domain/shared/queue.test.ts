import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  lengthOf,
  oldest,
  put,
  type Queue,
  queueOf,
  withoutOldest,
} from '../../../src/domain/shared/queue.ts';

const all = <T>(queue: Queue<T>) => oldest(queue, Infinity);

describe('a queue', () => {
  it('is what an array would be, and so is every one before it, whatever came of them', () => {
    // A step goes on from one of the queues so far: it puts the next number in, or takes some out.
    const step = fc.record({ from: fc.nat(), out: fc.option(fc.integer({ min: 1, max: 4 })) });
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queues: [Queue<number>, number[]][] = [[queueOf<number>([]), []]];
      steps.forEach(({ from, out }, n) => {
        // Mostly the newest one, as in real life.
        const [queue, array] = queues.at(from % 3 === 0 ? from % queues.length : -1)!;
        queues.push(
          out === null ? [put(queue, n), [...array, n]] : [withoutOldest(queue, out), array.slice(out)],
        );
      });
      for (const [queue, array] of queues) {
        assert.deepEqual(all(queue), array);
        assert.equal(lengthOf(queue), array.length);
        assert.deepEqual(oldest(queue, 2), array.slice(0, 2));
      }
    }));
  });

  it('copies few items, however many there are: on average two at most for each that goes through', () => {
    const WAITING = 10_000;
    let queue = queueOf(Array.from({ length: WAITING }, (_, n) => n));
    let copied = 0;
    for (let n = 0; n < 5 * WAITING; n++) {
      const { items } = queue;
      queue = put(withoutOldest(queue, 1), WAITING + n);
      if (queue.items !== items) copied += lengthOf(queue);
    }
    assert.ok(copied <= 2 * 5 * WAITING, `${copied} copies`);
    assert.ok(queue.items.length <= 2 * WAITING + 1, 'and does not keep what is past');
    assert.deepEqual(oldest(queue, 1), [5 * WAITING]);
  });
});
