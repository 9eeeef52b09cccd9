import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDuration } from '../../src/domain/timing/duration.ts';
import {
  allZones,
  duration,
  goDuration,
  relative,
  wallClock,
  wholeDuration,
} from '../../src/http/inspector/page/shared/format.js';
import { bucketed, percentile } from '../../src/http/inspector/page/lateness/lateness.js';
import { describe as sentence } from '../../src/http/inspector/page/events/sentences.js';
import {
  attemptLook,
  attemptText,
  isCompleted,
  nextFireMs,
  runLook,
  timing,
  waitsFor,
} from '../../src/http/inspector/page/shared/words.js';

const NOW = Date.UTC(2030, 5, 1, 12);
const SCHEDULE = {
  ...{ id: 's', revision: 1, type: 'duration', definition: { interval: '10s' }, paused: false },
  ...{ action: { type: 'log' }, policy: {}, history: { success: '24h', failure: '168h' } },
  ...{
    created_at: new Date(NOW - 25_000).toISOString(),
    updated_at: '',
    next_fire_at: null as string | null,
  },
};

describe('the page’s formats', () => {
  it('writes durations in two units at most', () => {
    const written = [0, 84, 999, 1000, 9_960, 12_345, 60_000, 184_000, 3_600_000, 90_061_000, -1500].map(
      duration,
    );
    assert.deepEqual(written, [
      '0 ms',
      '84 ms',
      '999 ms',
      '1.0 s',
      '9.9 s',
      '12 s',
      '1 min',
      '3 min 4 s',
      '1 h',
      '1 d 1 h',
      '−1.5 s',
    ]);
    assert.equal(wholeDuration(5999), '5 s');
  });

  it('writes how long ago, and in how long', () => {
    assert.deepEqual([NOW, NOW - 999, NOW - 61_000, NOW + 500, NOW + 2000].map((ms) => relative(ms, NOW)), [
      ...['just now', 'just now', '1 min 1 s ago', 'now', 'in 2 s'],
    ]);
  });

  it('writes times in any zone', () => {
    assert.equal(wallClock(NOW + 5, 'Asia/Kolkata'), '2030-06-01 17:30:00.005');
    assert.match(
      allZones(NOW, 'America/New_York'),
      /12:00:00\.000 {2}UTC[^]*08:00:00\.000 {2}America\/New_York/,
    );
  });

  it('reads durations as the server does', () => {
    for (const text of ['300ms', '1h30m', '1.5s', '2m', '10us']) {
      assert.equal(goDuration(text), parseDuration(text), text);
    }
    for (const text of ['', '5', 's', '5 s', '1x', '1h2']) assert.equal(goDuration(text), null, text);
  });

  it('computes the next fire after the one that the server sent', () => {
    const next = (change: object) => nextFireMs({ ...SCHEDULE, ...change }, NOW);
    const past = new Date(NOW - 1).toISOString();
    assert.equal(next({ next_fire_at: new Date(NOW + 7).toISOString() }), NOW + 7);
    assert.equal(next({ next_fire_at: past }), NOW + 5000);
    assert.equal(next({ next_fire_at: past, end_at: new Date(NOW + 1).toISOString() }), null);
    assert.equal(
      next({ next_fire_at: past, type: 'cron', definition: {} }),
      undefined,
      'only the server can compute it',
    );
    const times = [NOW - 5, NOW + 9].map((ms) => new Date(ms).toISOString());
    assert.equal(next({ next_fire_at: past, type: 'at_times', definition: { times } }), NOW + 9);
    assert.equal(next({ paused: true, next_fire_at: past }), null);
    assert.equal(next({}), null);
  });

  it('uses the summary of times in a list for their number and end', () => {
    const at = (ms: number) => new Date(NOW + ms).toISOString();
    const listed = (lastMs: number, next: string | null) => ({
      ...{ ...SCHEDULE, type: 'at_times', next_fire_at: next },
      definition: { times: { count: 3, first: at(-9), last: at(lastMs), next } },
    });
    assert.equal(timing(listed(5, at(5))), 'at 3 times');
    assert.equal(nextFireMs(listed(5, at(2)), NOW), NOW + 2);
    assert.equal(nextFireMs(listed(5, at(-1)), NOW), undefined, 'there may be others in between');
    assert.equal(nextFireMs(listed(-1, at(-1)), NOW), null, 'the last one has passed');
  });

  it('considers a schedule completed without future occurrences, paused or not', () => {
    const completed = (change: object) => isCompleted({ ...SCHEDULE, ...change }, NOW);
    assert.equal(completed({ completed: true, paused: true }), true);
    assert.equal(completed({ completed: false, paused: true }), false);
    assert.equal(completed({ completed: false, next_fire_at: new Date(NOW + 5).toISOString() }), false);
    const times = [new Date(NOW - 1).toISOString()];
    const passed = { type: 'at_times', definition: { times }, next_fire_at: times[0] };
    assert.equal(completed({ ...passed, completed: false }), true, 'as received before the last occurrence');
  });

  it('describes events in sentences', () => {
    const text = (type: 'leader' | 'run' | 'replica' | 'leadership' | 'schedule' | 'clock', data: object) =>
      sentence({ seq: 1, type, atMs: NOW, data }).text;
    assert.equal(text('leader', { leader: 'r1', term: 7 }), 'r1 leads, term 7');
    assert.equal(
      text('leader', { leader: null, term: 7, by: 'released' }),
      'no leader: the lease of term 7 was released',
    );
    assert.equal(
      text('leadership', { term: 8, replica: 'r2', began_by: 'pre-empted', gap_ms: 84, ended_at: null }),
      'term 8 of r2 began: pre-empted, 84 ms without a leader',
    );
    const transitions = [{ from: 'follower', to: 'candidate' }, { from: 'candidate', to: 'leader' }];
    assert.equal(
      text('replica', { change: 'role', replica: { id: 'r2' }, transitions }),
      'r2: follower → candidate → leader',
    );
    assert.equal(
      text('run', { schedule_id: 's', state: 'missed', count: 3, lateness_ms: 61_000 }),
      's missed (3 occurrences), 1 min 1 s late',
    );
    const run = { schedule_id: 's', count: 1, lateness_ms: 3 };
    assert.equal(text('run', { ...run, state: 'skipped', reason: 'overlap' }), 's skipped: overlap');
    assert.equal(
      text('run', { ...run, state: 'abandoned', reason: 'executor_lost', attempt: 3, max_attempts: 1 }),
      's abandoned: executor lost, attempt 3',
    );
    assert.equal(
      text('run', { ...run, state: 'succeeded', reason: null, attempt: 2, max_attempts: 3 }),
      's succeeded, attempt 2 of 3',
    );
    const schedule = { id: 's', not_understood: 'action is missing' };
    assert.equal(
      text('schedule', { change: 'updated', id: 's', schedule }),
      'schedule s was updated; this version does not understand it: action is missing',
    );
    assert.equal(text('schedule', { change: 'deleted', id: 's', schedule: null }), 'schedule s was deleted');
    const set_back = { from: new Date(NOW).toISOString(), to: new Date(NOW - 3_600_000).toISOString() };
    assert.match(
      text('clock', { set_back }),
      /^the database’s clock was set back by 1 h, from 2030-\S+ \S+ to 2030-\S+ \S+$/,
    );
  });

  it('tells what a run waits for, and which of its attempts it is at', () => {
    const at = (ms: number) => new Date(NOW + ms).toISOString();
    const waits = (waiting_for: string | null, available_at = at(1)) =>
      waitsFor({ waiting_for, available_at }, NOW);
    assert.equal(waits(null), null);
    assert.equal(waits('place', at(0)), 'a free place on an executor');
    assert.equal(waits('retry'), 'its next attempt');
    assert.equal(waits('retry', at(0)), 'a free place on an executor', 'once its time has come');
    assert.equal(waits('jitter'), 'its time, delayed by jitter');
    assert.match(waits('overlap', at(-1)) ?? '', /^its turn/);
    assert.equal(waits('approval'), 'approval', 'of a later version');
    const labels = [{ state: 'claimed', waiting_for: 'place' }, { state: 'claimed' }, { state: 'retrying' }]
      .map(
        (run) => runLook(run).label,
      );
    assert.deepEqual(labels, ['waiting', 'claimed', 'retrying']);
    assert.equal(attemptLook({ state: 'lost' }).label, 'executor lost');
    const attempt = (number: number, max_attempts: number) =>
      attemptText({ attempt: number, max_attempts } as Parameters<typeof attemptText>[0]);
    assert.deepEqual([attempt(1, 1), attempt(2, 3), attempt(4, 3)], ['1', '2 of 3', '4']);
  });

  it('computes percentiles of lateness in parts of a time', () => {
    assert.equal(percentile([1, 2, 3, 4], 0.5), 3);
    assert.equal(percentile([1, 2, 3, 4], 1), 4);
    const run = (ms: number, lateness_ms: number) =>
      ({ scheduled_for: new Date(ms).toISOString(), lateness_ms }) as never;
    const { timesMs, counts, p50, worst } = bucketed(
      [run(5, 10), run(6, 30), run(25, 7), run(40, 99)],
      0,
      30,
      3,
    );
    assert.deepEqual(timesMs, [10, 20, 30]);
    assert.deepEqual(counts, [2, 0, 1]);
    assert.deepEqual(p50, [30, null, 7]);
    assert.deepEqual(worst, [30, null, 7]);
  });
});
