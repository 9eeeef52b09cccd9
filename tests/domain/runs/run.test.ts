import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isUnassigned, manualRun, OPEN_STATES, runId } from '../../../src/domain/runs/run.ts';
import { claimed } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const SCHEDULE = { ...every(100, T), revision: 3 };

describe('manualRun', () => {
  it('is open, due now, and has no executor', () => {
    const run = manualRun(SCHEDULE, T + 50, 'tag');
    assert.deepEqual(run, {
      id: `${runId('s', new Date(T + 50))}~tag`,
      schedule_id: 's',
      schedule_revision: 3,
      schedule_created_at: new Date(T),
      timing_revision: 1,
      scheduled_for: new Date(T + 50),
      trigger: 'manual',
      state: 'claimed',
      reason: null,
      attempt: 0,
      executor: null,
      executor_boot: null,
      term: 0,
      claimed_at: new Date(T + 50),
      claim_number: 0,
      started_at: null,
      finished_at: null,
      lateness_ms: 0,
      error: null,
      output: null,
      count: 1,
      since: new Date(T + 50),
      expire_at: null,
    });
    assert.ok(OPEN_STATES.includes(run.state));
  });

  it('is another one than the occurrence of the same moment, and than any other request', () => {
    const ids = [
      runId('s', new Date(T + 100)),
      manualRun(SCHEDULE, T + 100, 'one').id,
      manualRun(SCHEDULE, T + 100, 'two').id,
      manualRun(SCHEDULE, T + 101, 'one').id,
    ];
    assert.equal(new Set(ids).size, ids.length);
    assert.equal(manualRun(SCHEDULE, T + 100, 'one').id, ids[1], 'the same request twice is one run');
  });

  it('is for a whole millisecond, which is not over', () => {
    const { scheduled_for, claimed_at } = manualRun(SCHEDULE, T + 49.2, 'tag');
    assert.deepEqual([scheduled_for, claimed_at], [new Date(T + 50), new Date(T + 50)]);
  });

  it("is not older than its schedule, even if the replica's clock is behind", () => {
    const { scheduled_for, claimed_at, since } = manualRun(SCHEDULE, T - 5000, 'tag');
    assert.deepEqual([scheduled_for, claimed_at, since], [new Date(T), new Date(T), new Date(T)]);
  });
});

describe('isUnassigned', () => {
  it('says whether a requested run has no executor yet', () => {
    const run = manualRun(SCHEDULE, T, 'tag');
    assert.equal(isUnassigned(run), true);
    assert.equal(isUnassigned({ ...run, attempt: 1, executor: 'r1', executor_boot: 'b1' }), false);
    assert.equal(isUnassigned(claimed('s', T)), false);
  });
});
