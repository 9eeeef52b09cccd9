import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mirrorMachine } from '../../../src/actors/schedules/mirror.ts';
import type { FeedObserver, OpenFeed, Snapshot } from '../../../src/actors/schedules/scheduleFeed.ts';
import type { Watermark } from '../../../src/domain/leadership/watermark.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { A, DELETE, Feed, loaded, MARK, silent, T } from './mirrorSetup.ts';

/** On a simulated clock; the test answers, and speaks as the streams. */
function running() {
  const clock = new SimClock();
  const load = calls<
    { mark: Watermark } & Snapshot,
    { observer: FeedObserver }
  >();
  const resume = calls<OpenFeed, { observer: FeedObserver; token: unknown }>();
  const under = underParent(
    mirrorMachine.provide({ actors: { load: load.slot, resume: resume.slot }, actions: { report: silent } }),
    { clock },
  );
  return { clock, load, resume, under };
}

describe('mirror, as an actor', () => {
  it('takes note of changes that the stream tells before the load is noticed', async () => {
    const { load, under } = running();
    const { input: { observer }, answer } = load.last;
    const answered = answer(loaded());
    // The answer is on its way; the stream is open, and speaks.
    observer.change(DELETE);
    observer.progress(T + 1);
    assert.deepEqual(under.told, []);
    await answered;
    observer.progress(T + 2);
    assert.deepEqual(under.told, [
      { type: 'MIRROR.LOADED', schedules: [A], notUnderstood: [], mark: MARK },
      { type: 'MIRROR.CHANGED', change: DELETE },
      { type: 'MIRROR.PROGRESS', throughMs: T + 1 },
      { type: 'MIRROR.PROGRESS', throughMs: T + 2 },
    ]);
  });

  it('goes on after a stream that broke, by the newest token, as often as it takes', async () => {
    const { clock, load, resume, under } = running();
    let token = 't1';
    const first = { token: () => token, close: silent };
    await load.last.answer(loaded(first));
    token = 't5';
    load.last.input.observer.failed(new Error('cut off'), true);
    assert.equal(resume.last.input.token, 't5');
    await resume.last.fail();
    await clock.advance(499);
    assert.equal(resume.list.length, 1);
    await clock.advance(1);
    assert.equal(resume.last.input.token, 't5');
    const second = new Feed('t8');
    await resume.last.answer(second);
    under.heard();
    load.last.input.observer.change(DELETE);
    resume.list[0]?.input.observer.change(DELETE);
    assert.deepEqual(under.told, [], 'those streams were given up');
    resume.last.input.observer.change(DELETE);
    assert.deepEqual(under.heard(), ['MIRROR.CHANGED']);
    resume.last.input.observer.failed(new Error('cut off'), true);
    assert.deepEqual([second.closed, resume.last.input.token], [true, 't8']);
  });

  it('replaces everything with a fresh snapshot when the history is lost', async () => {
    const { load, resume, under } = running();
    const old = new Feed('t1');
    await load.last.answer(loaded(old));
    load.last.input.observer.failed(new Error('history lost'), false);
    assert.deepEqual([old.closed, resume.list.length, load.list.length], [true, 0, 2]);
    load.list[0]?.input.observer.change(DELETE);
    await load.last.answer({ ...loaded(), schedules: [] });
    assert.deepEqual(under.told.at(-1), {
      type: 'MIRROR.LOADED',
      schedules: [],
      notUnderstood: [],
      mark: MARK,
    });
    assert.equal(under.told.length, 2);
  });

  it('does not resume the stream of a snapshot by the token of an earlier one', async () => {
    const { load, resume } = running();
    await load.last.answer(loaded(new Feed('t1')));
    load.last.input.observer.failed(new Error('history lost'), false);
    await load.last.answer(loaded(new Feed(null)));
    load.last.input.observer.failed(new Error('cut off'), true);
    assert.deepEqual([resume.list.length, load.list.length], [0, 3]);
  });
});
