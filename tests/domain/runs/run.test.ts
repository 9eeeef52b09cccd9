import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ENDED_STATES,
  isHeld,
  isOwned,
  isTakeable,
  isUnowned,
  OPEN_STATES,
  type Run,
  workNow,
  workOf,
} from '../../../src/domain/runs/run.ts';
import { readRun } from '../../../src/domain/runs/runReading.ts';
import { DEFAULT_WORK } from '../../../harness/definitions.ts';
import { claimed, unowned } from '../../support/runs.ts';
import { every } from '../../support/schedules.ts';

const T = Date.UTC(2030, 0, 1);
const RUN = claimed('s', T, { attempt: 3 });

describe('a run', () => {
  it('is held by one boot, under one attempt, while it is open', () => {
    for (const state of OPEN_STATES) assert.equal(isHeld({ ...RUN, state }, RUN), true);
    const others: (Run | null | undefined)[] = [
      { ...RUN, attempt: 4 },
      { ...RUN, executor_boot: 'b2' },
      ...ENDED_STATES.map((state) => ({ ...RUN, state })),
      null,
      undefined,
    ];
    for (const stored of others) assert.equal(isHeld(stored, RUN), false);
  });

  it('is owned or unowned, and an unowned one may be taken unless it waits for its turn', () => {
    const of = (run: Run) => [isOwned(run), isUnowned(run), isTakeable(run)];
    assert.deepEqual(of(RUN), [true, false, false]);
    for (const waiting_for of ['place', 'jitter', 'retry'] as const) {
      assert.deepEqual(of(unowned('s', T, { waiting_for })), [false, true, true]);
    }
    assert.deepEqual(of(unowned('s', T, { waiting_for: 'overlap' })), [false, true, false]);
  });

  it('carries what its schedule says of attempts, and nothing else of it', () => {
    const schedule = every(100, T, { name: 'nightly', tags: { team: 'a' } });
    const { timeout, retry, on_executor_loss, pause_after_failures } = DEFAULT_WORK.policy;
    assert.deepEqual(workNow(schedule), {
      name: 'nightly',
      action: DEFAULT_WORK.action,
      policy: { timeout, retry, on_executor_loss, pause_after_failures },
      history: DEFAULT_WORK.history,
    });
    assert.equal('name' in workNow(every(100, T)), false);
  });

  it('is attempted by the defaults when an older version has claimed it', () => {
    const { action, policy, history } = workOf(claimed('s', T, { work: null }));
    assert.deepEqual([action, history], [DEFAULT_WORK.action, DEFAULT_WORK.history]);
    assert.equal(policy.retry.max_attempts, 1);
  });
});

describe('a stored run of an older version', () => {
  const { available_at: _a, waiting_for: _w, attempts: _l, failures: _f, losses: _o, ...rest } = RUN;
  const { is_last_attempt: _i, overlap: _v, work: _k, ...old } = rest;

  it('is read with what was so for all runs then', () => {
    const run = readRun(old) as Run;
    assert.deepEqual(run, { ...RUN, work: null });
  });

  it('waits for a place when it is open and has no executor', () => {
    const waiting = (more: Partial<Run>) => (readRun({ ...old, ...more }) as Run).waiting_for;
    assert.equal(waiting({ executor: null, executor_boot: null, attempt: 0 }), 'place');
    assert.equal(waiting({ executor: null, executor_boot: null, state: 'skipped' }), null);
    assert.equal(waiting({}), null);
  });
});
