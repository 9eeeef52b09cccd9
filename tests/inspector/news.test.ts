import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { offsetOf, withSample } from '../../src/http/inspector/page/shared/offset.js';
import { afterChange, newestFirst, withEnded } from '../../src/http/inspector/page/schedules/scheduleNews.js';

const SCHEDULE = {
  ...{ id: 's', revision: 1, type: 'duration', definition: { interval: '10s' }, paused: false },
  ...{ action: { type: 'log' }, policy: {}, history: { success: '24h', failure: '168h' } },
  ...{ created_at: '', updated_at: '', next_fire_at: null },
};
const ODD = { id: 's', not_understood: 'action is missing' };

const run = (id: string, second: number, state = 'succeeded') => ({
  ...{ id, state, lateness_ms: 3 },
  scheduled_for: new Date(Date.UTC(2030, 0, 1, 0, 0, second)).toISOString(),
});

describe('news of a schedule', () => {
  it('replace the row, except its runs, which events omit', () => {
    const recent_runs = [run('a', 1)];
    const own = { last_run: null, recent_runs };
    const old = { ...SCHEDULE, name: 'before', pause_reason: 'audit', ...own };
    assert.deepEqual(afterChange(old, { ...SCHEDULE, revision: 2 }), { ...SCHEDULE, revision: 2, ...own });
  });

  it('of one that is not understood replace the whole row, and vice versa', () => {
    assert.deepEqual(afterChange(SCHEDULE, ODD), ODD);
    assert.deepEqual(afterChange(ODD, SCHEDULE), SCHEDULE);
    assert.deepEqual(afterChange(ODD, null), ODD, 'its deletion is an event of its own');
  });
});

describe('news of runs', () => {
  it('are inserted in order, each once', () => {
    const runs = withEnded([run('c', 3), run('b', 2, 'running'), run('a', 1)], [run('b', 2), run('d', 4)], 3);
    assert.deepEqual(runs, [run('d', 4), run('c', 3), run('b', 2)]);
  });

  it('keep those that are not understood at the top: their time is unknown', () => {
    const odd = [{ ...ODD, id: 'x' }, { ...ODD, id: 'y' }];
    assert.deepEqual(newestFirst([run('a', 1), ...odd, run('b', 2)]), [...odd, run('b', 2), run('a', 1)]);
  });
});

describe('the server’s time', () => {
  const offset = (samples: number[]) => offsetOf(samples.reduce(withSample, [] as number[]));

  it('is estimated by the message with the shortest time in flight', () => {
    assert.equal(offset([40, 90, -3000]), 90);
  });

  it('follows a clock that was set, forward or back, at once', () => {
    assert.equal(offset([40, 90, -3_600_000]), -3_600_000);
    assert.equal(offset([40, 90, -3_600_000, -3_599_990, 10_000]), 10_000);
  });
});
