import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualRun, rerunOf } from '../../../src/domain/runs/request.ts';
import { isUnowned, OPEN_STATES, runId, workNow } from '../../../src/domain/runs/run.ts';
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
      available_at: new Date(T + 50),
      trigger: 'manual',
      state: 'claimed',
      reason: null,
      waiting_for: 'place',
      attempt: 0,
      attempts: [],
      failures: 0,
      losses: 0,
      is_last_attempt: false,
      overlap: null,
      work: workNow(SCHEDULE),
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
    assert.ok(OPEN_STATES.includes(run.state) && isUnowned(run));
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

  it('overlaps with anything, unless it is asked to follow the policy', () => {
    const queue = { ...SCHEDULE, policy: { ...SCHEDULE.policy, overlap: 'queue' as const } };
    assert.equal(manualRun(queue, T, 'tag').overlap, null);
    assert.equal(manualRun(queue, T, 'tag', true).overlap, 'queue');
    assert.equal(manualRun(SCHEDULE, T, 'tag', true).overlap, null, 'runs may overlap');
  });
});

describe('rerunOf', () => {
  const ended = claimed('s', T, {
    schedule_revision: 2,
    schedule_created_at: new Date(T - 5),
    timing_revision: 1,
    ...{ state: 'failed', attempt: 3, failures: 3, error: 'refused', reason: null },
    work: { ...workNow(SCHEDULE), name: 'as it was then' },
    overlap: 'queue',
  });

  it('is a new request with what the ended run was claimed with', () => {
    assert.deepEqual(rerunOf(ended, T + 50, 'tag'), {
      ...manualRun(SCHEDULE, T + 50, 'tag'),
      schedule_revision: 2,
      schedule_created_at: new Date(T - 5),
      work: ended.work,
    });
  });

  it('works for a run of an older version, which did not say what it was claimed with', () => {
    const { schedule_created_at: _c, timing_revision: _t, ...old } = { ...ended, work: null };
    const again = rerunOf(old, T + 50, 'tag');
    assert.equal('schedule_created_at' in again, false);
    assert.equal(again.work?.action.type, 'log');
  });
});
