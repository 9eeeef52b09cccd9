import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measure, row, type Window } from '../../harness/k8s/measure.ts';
import type { ApiRun } from '../../harness/k8s/schedules.ts';

const T0 = Date.UTC(2030, 0, 1);

function run(claimedMs: number, term: number, more: Partial<ApiRun> = {}): ApiRun {
  return {
    ...{
      id: `q@${claimedMs}`,
      schedule_id: 'q',
      executor: 'r',
      state: 'succeeded',
      attempt: 1,
      lateness_ms: 2,
    },
    scheduled_for: new Date(T0 + claimedMs).toISOString(),
    claimed_at: new Date(T0 + claimedMs).toISOString(),
    term,
    ...more,
  };
}

const window: Window = { name: 'x', term: 4, actedMs: T0 + 100, endedMs: T0 + 1000, remark: 'r' };

describe('the measurement of a scenario', () => {
  it('has the time from the disturbance to the first claim under a newer term', () => {
    const runs = [90, 140, 180].map((ms) => run(ms, 4)).concat([450, 500].map((ms) => run(ms, 5)));
    assert.deepEqual(measure(window, runs, 'q'), {
      ...{
        name: 'x',
        terms: 1,
        takeoverMs: 350,
        pauseMs: 270,
        pausedAtMs: 80,
        maxLatenessMs: 2,
        runs: 4,
        remark: 'r',
      },
    });
  });

  it('counts all new terms, and takes pauses from the fastest schedule only', () => {
    const slow = { schedule_id: 'slow', lateness_ms: 77 };
    const runs = [run(150, 4), run(400, 5, slow), run(450, 5), run(600, 6), run(900, 6, slow)];
    const { terms, pauseMs, maxLatenessMs } = measure(window, runs, 'q');
    assert.deepEqual([terms, pauseMs, maxLatenessMs], [2, 300, 77]);
  });

  it('has no takeover when the leader stayed', () => {
    const measured = measure(window, [run(150, 4), run(200, 4)], 'q');
    assert.equal(measured.takeoverMs, null);
    assert.deepEqual(row(measured), ['x', '0', '–', '50', '0', '2', '2', 'r']);
  });

  it('ignores claims before and after the scenario', () => {
    const measured = measure(window, [run(99, 5), run(1001, 5)], 'q');
    assert.deepEqual([measured.runs, measured.takeoverMs, measured.pauseMs], [0, null, 0]);
  });
});
