import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mirrorMachine } from '../../../src/actors/schedules/mirror.ts';
import type { OpenFeed, ScheduleChange } from '../../../src/actors/schedules/scheduleFeed.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { type Walk, walk } from '../../support/machines/walk.ts';
import { every } from '../../support/schedules.ts';
import { A, DELETE, Feed, loaded, MARK, silent, T } from './mirrorSetup.ts';

const upsert = (id: string): ScheduleChange => ({ kind: 'upsert', schedule: every(100, T, { id }) });
const GONE = { kind: 'invalidated' } as const;
const machine = mirrorMachine.provide({ actions: { notify: silent, report: silent } });
const changed = (stream: number, change: ScheduleChange) => ({ type: 'FEED.CHANGED', stream, change });
const progress = (stream: number, throughMs: number) => ({ type: 'FEED.PROGRESS', stream, throughMs });

const broke = (stream: number, resumable: boolean) => ({
  type: 'FEED.FAILED',
  stream,
  error: new Error('cut off'),
  resumable,
});

const following = (feed?: OpenFeed) => walk(machine).answers('load', loaded(feed));

/** Without parameters. */
const names = (does: Walk['does']) => does.map((deed) => typeof deed === 'string' ? deed : deed[0]);

const resuming = () => following().on(broke(1, true));

describe('mirror', () => {
  it('reads a snapshot first, and tells it', () => {
    const it = walk(machine);
    assert.equal(it.state, 'loading');
    assert.deepEqual(it.does, ['start load']);
    it.answers('load', loaded());
    assert.equal(it.state, 'following');
    assert.deepEqual(it.does, [['notify', {
      type: 'MIRROR.LOADED',
      schedules: [A],
      notUnderstood: [],
      mark: MARK,
    }]]);
  });

  it('tries again, half a second later, when the snapshot gets no answer', () => {
    const error = new Error('cut off');
    const it = walk(machine).fails('load', error);
    assert.equal(it.state, 'waitingToLoad');
    assert.deepEqual(it.does, [
      ['report', { message: 'the schedules could not be read; retrying', error }],
      'after 500',
    ]);
    assert.equal(it.after('retry').state, 'loading');
  });

  it('tells what the stream tells', () => {
    const it = following();
    assert.deepEqual(it.on(changed(1, upsert('b'))).does, [[
      'notify',
      { type: 'MIRROR.CHANGED', change: upsert('b') },
    ]]);
    assert.deepEqual(it.on(changed(1, DELETE)).does, [['notify', {
      type: 'MIRROR.CHANGED',
      change: DELETE,
    }]]);
    assert.deepEqual(it.on(progress(1, T + 5)).does, [['notify', {
      type: 'MIRROR.PROGRESS',
      throughMs: T + 5,
    }]]);
    assert.equal(it.state, 'following');
  });

  it('resumes a stream that broke, where it broke', () => {
    const feed = new Feed('t7');
    const it = following(feed).on(broke(1, true));
    assert.equal(it.state, 'resuming');
    assert.deepEqual(names(it.does), ['report', 'start resume']);
    assert.deepEqual([it.context.token, it.context.feed, feed.closed], ['t7', null, true]);
    it.answers('resume', new Feed('t9'));
    assert.deepEqual([it.state, it.does], ['following', []]);
  });

  it('reads afresh when the stream is lost for good, or the collection is gone', () => {
    const messages = {
      'the change stream cannot be resumed; reading a new snapshot': broke(1, false),
      'the collection of schedules is gone; reading a new snapshot': changed(1, GONE),
    };
    for (const [message, event] of Object.entries(messages)) {
      const feed = new Feed('t1');
      const it = following(feed).on(event);
      assert.equal(it.state, 'loading');
      assert.deepEqual([it.does[0]?.[0], (it.does[0]?.[1] as { message: string }).message], [
        'report',
        message,
      ]);
      assert.equal(feed.closed, true);
    }
  });

  it('reads afresh when the stream broke before it had a token', () => {
    assert.equal(following(new Feed(null)).on(broke(1, true)).state, 'loading');
  });

  it('tries again, half a second later, when the resumption gets no answer', () => {
    const it = resuming().fails('resume');
    assert.equal(it.state, 'waitingToResume');
    assert.deepEqual(it.does.at(-1), 'after 500');
    it.after('retry');
    assert.deepEqual([it.state, it.context.token], ['resuming', 't1']);
  });

  it('finds out while resuming that the stream is lost', () => {
    const it = resuming();
    it.on(broke(it.context.stream, false)).answers('resume', new Feed('t1'));
    assert.equal(it.state, 'loading');
  });

  it('ignores whatever comes from a stream that was given up, in every state', () => {
    const states = {
      loading: () => following().on(broke(1, false)),
      waitingToLoad: () => following().on(broke(1, false)).fails('load'),
      following: () => following().on(broke(1, false)).answers('load', loaded()),
      resuming,
      waitingToResume: () => resuming().fails('resume'),
    };
    for (const [state, make] of Object.entries(states)) {
      for (
        const event of [
          changed(1, upsert('b')),
          changed(1, GONE),
          progress(1, T),
          broke(1, true),
          broke(1, false),
        ]
      ) {
        const it = make().on(event);
        assert.deepEqual([it.state, it.does, it.context.postponed], [state, [], []], `${event.type}`);
      }
    }
  });

  it('keeps what is told while it loads, and then tells it after the snapshot, in order', () => {
    const it = walk(machine).on(changed(1, upsert('b'))).on(changed(1, DELETE)).on(progress(1, T + 9));
    assert.deepEqual([it.state, it.does], ['loading', []]);
    it.answers('load', loaded());
    assert.deepEqual(it.does.map((deed) => (deed[1] as { type: string }).type), [
      'MIRROR.LOADED',
      'MIRROR.CHANGED',
      'MIRROR.CHANGED',
      'MIRROR.PROGRESS',
    ]);
    assert.deepEqual(it.context.postponed, [], 'and only once');
  });

  it('forgets what a load told that came to nothing', () => {
    const it = walk(machine).on(changed(1, upsert('b'))).fails('load').after('retry');
    assert.deepEqual(it.answers('load', loaded()).does.length, 1);
  });

  it('tells nothing more of what it kept, once that says that the collection is gone', () => {
    const it = walk(machine).on(changed(1, GONE)).on(progress(1, T)).answers('load', loaded());
    assert.equal(it.state, 'loading');
    assert.deepEqual(names(it.does), ['notify', 'report', 'start load']);
  });

  it('can reach every state, by every transition', () => {
    const snapshots = [new Feed('t1'), new Feed(null)];
    const { reached, all, untaken } = reachable(machine, {
      events: [1, 2].flatMap((stream) => [
        changed(stream, upsert('b')),
        changed(stream, GONE),
        progress(stream, T),
        broke(stream, true),
        broke(stream, false),
      ]),
      answers: { load: snapshots.map(loaded), resume: [new Feed('t2')] },
      by: ({ stream, token, feed, postponed }) => [
        Math.min(stream, 3),
        token,
        feed?.token(),
        postponed.slice(0, 1).map((event) => [event.type, 'resumable' in event && event.resumable]),
      ],
      invariant: (state, { stream, token, feed, postponed }, underWay) => {
        assert.deepEqual(underWay, { loading: ['load'], resuming: ['resume'] }[state] ?? []);
        assert.equal(feed !== null, state === 'following', 'a stream that was given up is not kept open');
        assert.ok(postponed.every((event) => event.stream === stream), 'only of the present stream');
        if (feed !== null) {
          assert.deepEqual(postponed, [], 'all was told');
          assert.equal(snapshots.includes(feed as Feed), token === null, 'each snapshot begins anew');
        }
        if (/esum/.test(state)) assert.notEqual(token, null, 'it knows where to go on');
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });
});
