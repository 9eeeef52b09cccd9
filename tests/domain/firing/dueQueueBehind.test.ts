import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import { behind } from '../../../src/domain/firing/queueSearch.ts';
import type { Settler } from '../../../src/domain/firing/settlement.ts';
import { every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const MARK = { claimedThroughMs: T, mirroredThroughMs: T };

/** A leader in its term 7; what earlier ones have claimed may reach to `mayBeClaimedMs`. */
const by = (nowMs: number, mayBeClaimedMs: number): Settler => ({
  ...{ replica: 'r1', boot: 'b1', term: 7, claimNumber: 1, graceMs: 4000, termBeganMs: T },
  ...{ nowMs: T + nowMs, mayBeClaimedThroughMs: T + mayBeClaimedMs },
});

function queueOf(...ids: string[]): DueQueue {
  const queue = new DueQueue();
  for (const id of ids) queue.put(every(10, T, { id }), MARK);
  return queue;
}

describe('a due queue of a leader that is behind', () => {
  it('blocks a schedule without room, takes the others, and holds the watermark for it', () => {
    const queue = queueOf('full', 'other');
    queue.take(by(15, 0), 100, (id) => id !== 'full');
    assert.deepEqual(queue.taken.map(({ schedule }) => schedule.id), ['other']);
    assert.equal(queue.settledThroughMs(T + 15, 'claimed'), T + 9, 'it owes what is due at 10');
    queue.finish({ others: 'settled' });
    assert.equal(queue.nextDueMs(), T + 20, 'it does not wake the leader meanwhile');
    queue.unblock();
    assert.equal(queue.nextDueMs(), T + 10);
  });

  it('names the schedules of which much may be claimed already', () => {
    const queue = queueOf('a');
    assert.deepEqual(behind(queue, T + 50, 5), []);
    assert.deepEqual(behind(queue, T + 60, 5).map(({ id }) => id), ['a']);
  });

  it("does not name one that was made after the server's clock was set back", () => {
    const queue = new DueQueue();
    queue.put(every(10, T, { id: 'a', written_at: new Date(T + 3_600_000) }), MARK);
    assert.deepEqual(behind(queue, T + 60, 5), []);
  });

  it('owes after a survey what is later than the newest record, in counted records', () => {
    const queue = queueOf('a');
    const [schedule] = behind(queue, T + 600_000, 100);
    queue.surveyed(schedule!, T + 300_000, 7);
    queue.take(by(600_000, 600_000), 2000);
    const runs = queue.taken[0]!.settlement.runs;
    const [missed] = runs;
    assert.deepEqual([missed?.state, missed?.reason, missed?.since], [
      'missed',
      'catch_up_window',
      new Date(T + 300_010),
    ]);
    assert.ok(missed!.count > 20_000, 'one record for all that is too old');
  });

  it('looks for each occurrence by itself without a survey of this term', () => {
    const queue = queueOf('a');
    const [schedule] = behind(queue, T + 600_000, 100);
    queue.surveyed(schedule!, T + 300_000, 6);
    queue.take(by(600_000, 600_000), 50);
    assert.deepEqual(queue.taken[0]!.settlement.runs.map(({ count }) => count), Array(50).fill(1));
  });
});
