import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type JobInput, jobMachine } from '../../../src/actors/runs/job.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { type Walk, walk } from '../../support/machines/walk.ts';
import { LATER, RUN } from './jobSetup.ts';

const INPUT: JobInput = { scheduleId: 's' };
const CLAIMED = (...runs: Run[]) => ({ type: 'CLAIMED', runs, oursSinceMs: 0 });
const TAKEN = (...runs: Run[]) => ({ type: 'TAKEN', runs, oursSinceMs: 0 });
const OUTCOME = { run_id: RUN.id, state: 'succeeded' };
const ENDED = { type: 'RUN.ENDED', outcome: OUTCOME };
const START = (...runs: Run[]) => ['send runs', { type: 'START', runs, oursSinceMs: 0 }];

const waiting = () => walk(jobMachine, INPUT);
const due = () => waiting().on({ type: 'DUE' });
const claiming = () => due().on({ type: 'CLAIMING' });
const running = () => claiming().on(CLAIMED(RUN));
const paused = () => due().on({ type: 'PAUSED' });
const settled = () => claiming().on(CLAIMED());

describe('job', () => {
  const table: [from: () => Walk, event: object & { type: string }, to: string][] = [
    [waiting, { type: 'DUE' }, 'due'],
    [waiting, { type: 'PAUSED' }, 'paused'],
    [waiting, { type: 'CLAIMING' }, 'waiting'],
    [waiting, CLAIMED(RUN), 'waiting'],
    [paused, { type: 'RESUMED' }, 'waiting'],
    [paused, { type: 'DUE' }, 'due'],
    [paused, { type: 'CLAIMING' }, 'paused'],
    [due, { type: 'CLAIMING' }, 'claiming'],
    [due, { type: 'PAUSED' }, 'paused'],
    [due, { type: 'WITHDRAWN' }, 'waiting'],
    [due, CLAIMED(RUN), 'due'],
    [claiming, { type: 'UNCLAIMED' }, 'due'],
    [claiming, CLAIMED(RUN), 'running'],
    [claiming, CLAIMED(), 'settled'],
    [claiming, { type: 'PAUSED' }, 'claiming'],
    [claiming, { type: 'WITHDRAWN' }, 'claiming'],
    [running, { type: 'DUE' }, 'due'],
    [running, { type: 'PAUSED' }, 'running'],
    [running, { type: 'WITHDRAWN' }, 'running'],
    [settled, { type: 'DUE' }, 'due'],
    [settled, CLAIMED(RUN), 'settled'],
  ];
  for (const [from, event, to] of table) {
    const what = event.type === 'CLAIMED' && from !== claiming ? 'CLAIMED, unasked' : event.type;
    it(`${from().state} ── ${what} ──▶ ${to}`, () => {
      const it = from().on(event);
      assert.equal(it.state, to);
      assert.equal(
        it.context.running,
        to === 'running' || from === running ? 1 : 0,
        'no run without a claim',
      );
    });
  }

  it('starts what was claimed, and is settled when the last run has ended', () => {
    const it = claiming().on(CLAIMED(RUN, LATER));
    assert.deepEqual(it.does, [START(RUN, LATER)]);
    it.on(ENDED);
    assert.deepEqual([it.state, it.does, it.context.running], [
      'running',
      [['settled', { outcome: OUTCOME }]],
      1,
    ]);
    it.on(ENDED);
    assert.deepEqual([it.state, it.context.running], ['settled', 0]);
  });

  it('keeps its runs while more is claimed, and hears of their ends in every state', () => {
    for (const events of [[], ['CLAIMING'], ['PAUSED'], ['PAUSED', 'RESUMED'], ['WITHDRAWN']]) {
      const it = running().on({ type: 'DUE' });
      for (const type of events) it.on({ type });
      const state = it.state;
      assert.equal(it.context.running, 1, `${events}`);
      it.on(ENDED);
      assert.deepEqual([it.state, it.does], [state, [['settled', { outcome: OUTCOME }]]]);
    }
    const more = running().on({ type: 'DUE' }).on({ type: 'CLAIMING' }).on(CLAIMED(LATER));
    assert.deepEqual([more.state, more.context.running], ['running', 2]);
    const nothingNew = running().on({ type: 'DUE' }).on({ type: 'CLAIMING' }).on(CLAIMED());
    assert.deepEqual([nothingNew.state, nothingNew.context.running], ['running', 1]);
  });

  it('starts what was taken in every state, and stays in it', () => {
    for (const make of [waiting, paused, due, claiming, running, settled]) {
      const it = make().on(TAKEN(LATER));
      assert.deepEqual([it.state, it.does], [make().state, [START(LATER)]]);
      assert.equal(it.context.running, make().context.running + 1);
      while (it.context.running > 0) it.on(ENDED);
      assert.equal(it.state, make === running ? 'settled' : make().state);
    }
  });

  it('starts what was claimed also when something was taken while it was being claimed', () => {
    const it = claiming().on(TAKEN(LATER)).on(CLAIMED(RUN));
    assert.deepEqual([it.state, it.does, it.context.running], ['running', [START(RUN)], 2]);
  });

  it('records nothing of a run that was lost to another executor, and says that it is over here', () => {
    const it = running().on({ type: 'RUN.LOST', runId: RUN.id });
    assert.deepEqual([it.state, it.does, it.context.running], ['settled', [['lost', { runId: RUN.id }]], 0]);
  });

  it('says nothing of an attempt that a newer one has replaced: its run goes on', () => {
    const it = running().on(TAKEN(RUN)).on({ type: 'RUN.REPLACED' });
    assert.deepEqual([it.state, it.does, it.context.running], ['running', [], 1]);
  });

  it('passes on that an attempt is to be cancelled, in every state', () => {
    const cancel = { type: 'CANCEL', runId: RUN.id, attempt: 1 };
    for (const make of [waiting, paused, due, claiming, running, settled]) {
      const it = make().on(cancel);
      assert.deepEqual([it.state, it.does], [make().state, [['send runs', cancel]]]);
    }
  });

  it('says aloud that a run has thrown, and makes no outcome up', () => {
    const params = { runId: RUN.id, error: new Error('a bug') };
    const it = running().on({ type: 'RUN.CRASHED', ...params });
    assert.deepEqual([it.state, it.does, it.context.running], ['settled', [['crashed', params]], 0]);
  });

  it('can reach every state, by every transition', () => {
    const types = ['DUE', 'CLAIMING', 'UNCLAIMED', 'WITHDRAWN', 'PAUSED', 'RESUMED'];
    const cancel = { type: 'CANCEL', runId: RUN.id, attempt: 1 };
    const always = [...types.map((type) => ({ type })), CLAIMED(RUN), CLAIMED(), cancel];
    const ends = [
      ENDED,
      { type: 'RUN.LOST', runId: RUN.id },
      { type: 'RUN.REPLACED' },
      { type: 'RUN.CRASHED', runId: RUN.id, error: null },
    ];
    const { reached, all, untaken } = reachable(jobMachine, {
      inputs: [INPUT],
      // A few at a time tell as much as many; and only what was started ends.
      events: (_, { running }) => [
        ...always,
        ...(running < 3 ? [TAKEN(LATER)] : []),
        ...(running > 0 ? ends : []),
      ],
      by: ({ running }) => Math.min(running, 4),
      invariant: (state, { running }, underWay) => {
        assert.deepEqual(underWay, ['runs'], 'no run is lost from sight');
        assert.ok(state === 'running' ? running > 0 : running >= 0);
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });
});
