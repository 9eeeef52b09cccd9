/** A completed schedule whose limit of runs is raised owes again from then on, whatever its leader knew of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DueQueue } from '../../../src/domain/firing/dueQueue.ts';
import { every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const LIMITED = every(100, T, { max_runs: 1 });
const RAISED = { ...LIMITED, revision: 2, max_runs: 5, updated_at: new Date(T + 250) };
/** The leader took the schedule for completed, and its mirror was complete through T + 200. */
const PASSED = { claimedThroughMs: T + 500, mirroredThroughMs: T + 200 };

describe('the raised limit of a completed schedule', () => {
  it('is owed by a replica that knew of it when the watermark passed', () => {
    const queue = new DueQueue();
    queue.put(RAISED, { claimedThroughMs: T, mirroredThroughMs: T });
    queue.advance(PASSED);
    assert.equal(queue.nextDueMs(), T + 300);
    queue.advance({ claimedThroughMs: T + 500, mirroredThroughMs: T + 250 });
    assert.equal(queue.nextDueMs(), T + 600, 'a leader that knows it has settled it');
  });

  it('is owed by a replica that reads it after the watermark has passed', () => {
    const queue = new DueQueue();
    queue.put(RAISED, PASSED);
    assert.equal(queue.nextDueMs(), T + 300);
  });

  it('is owed by a replica whose mirror lags as well', () => {
    const queue = new DueQueue();
    queue.put(LIMITED, { claimedThroughMs: T, mirroredThroughMs: T });
    queue.advance(PASSED);
    assert.equal(queue.nextDueMs(), T + 600);
    queue.put(RAISED, PASSED);
    assert.equal(queue.nextDueMs(), T + 300);
    assert.equal(queue.get('s')?.mayBeClaimedThroughMs, T + 500, 'and looked for in the store');
  });
});
