import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readRun } from '../../../src/domain/runs/runReading.ts';
import { type Run, workOf } from '../../../src/domain/runs/run.ts';
import { claimed } from '../../support/runs.ts';

const RUN = claimed('s', Date.UTC(2030, 0, 1));
const WORK = workOf({ work: null });
const read = (more: object) => readRun({ ...RUN, ...more } as Partial<Run>);
const reasonOf = (more: object) => {
  const run = read(more);
  return 'not_understood' in run ? run.not_understood : null;
};

describe('a stored run', () => {
  it('is not understood while it is open and was claimed with what this version does not know', () => {
    const broken: [unknown, RegExp][] = [
      ['all', /^work is not an object$/],
      [{}, /^work has action is missing$/],
      [
        { ...WORK, action: { type: 'telegram' } },
        /^work has action has type is "telegram", which this version does not know/,
      ],
      [{ ...WORK, action: { type: 'http' } }, /^work has action has method is missing/],
      [{ ...WORK, policy: {} }, /^work has policy has timeout is missing$/],
      [{ ...WORK, policy: { ...WORK.policy, retry: { max_attempts: 0 } } }, /^work has policy has retry has/],
      [{ ...WORK, history: { success: 'long' } }, /^work has history has success is not understood/],
      [{ ...WORK, priority: 1 }, /^work has priority is a field that this version does not know$/],
    ];
    for (const [work, reason] of broken) {
      assert.match(reasonOf({ work }) ?? 'understood', reason);
      const ended = read({ work, state: 'failed' });
      assert.equal('work' in ended && ended.work, null, 'once it has ended, nothing depends on that');
    }
    assert.equal(reasonOf({ work: WORK }), null);
    assert.equal(reasonOf({ work: { ...WORK, name: 'billing' } }), null);
  });

  it('has those attempts that this version understands', () => {
    const attempt = {
      number: 1,
      executor: 'r1',
      started_at: null,
      finished_at: RUN.claimed_at,
      state: 'failed',
      error: 'no',
    };
    const attempts = [null, 'x', {}, { ...attempt, finished_at: 'now' }, attempt];
    const run = read({ attempts });
    assert.deepEqual('attempts' in run && run.attempts, [attempt]);
    const none = read({ attempts: 3 });
    assert.deepEqual('attempts' in none && none.attempts, []);
  });

  it('of an older version waits for a place while it is open and has no executor', () => {
    const { available_at: _a, waiting_for: _w, attempts: _t, work: _k, ...old } = RUN;
    const unowned = readRun({ ...old, executor: null, executor_boot: null });
    assert.deepEqual(
      'waiting_for' in unowned && [unowned.waiting_for, unowned.available_at, unowned.attempts, unowned.work],
      ['place', RUN.scheduled_for, [], null],
    );
    const owned = readRun(old);
    assert.equal('waiting_for' in owned && owned.waiting_for, null);
  });
});
