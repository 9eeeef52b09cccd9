import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mirrorMachine } from '../../../src/actors/schedules/mirror.ts';
import type {
  FeedObserver,
  OpenFeed,
  ScheduleChange,
  Snapshot,
} from '../../../src/actors/schedules/scheduleFeed.ts';
import type { Watermark } from '../../../src/domain/leadership/watermark.ts';
import { calls, reachable, underParent, type Walk, walk } from '../../support/machines.ts';
import { every } from '../../support/schedules.ts';
import { SimClock } from '../../support/simClock.ts';

const T = Date.UTC(2030, 0, 1);
const MARK: Watermark = { claimedThroughMs: T, mirroredThroughMs: T };
const A = every(100, T, { id: 'a' });
const upsert = (id: string): ScheduleChange => ({ kind: 'upsert', schedule: every(100, T, { id }) });
const DELETE = { kind: 'delete', id: 'a' } as const;
const GONE = { kind: 'invalidated' } as const;

/** A stream that notes whether it was closed. */
class Feed implements OpenFeed {
  closed = false;
  readonly at: unknown;

  constructor(at: unknown) {
    this.at = at;
  }

  token(): unknown {
    return this.at;
  }

  close(): void {
    this.closed = true;
  }
}

const silent = () => {};
const machine = mirrorMachine.provide({ actions: { notify: silent, report: silent } });

const changed = (stream: number, change: ScheduleChange) => ({ type: 'FEED.CHANGED', stream, change });
const progress = (stream: number, throughMs: number) => ({ type: 'FEED.PROGRESS', stream, throughMs });
const broke = (stream: number, resumable: boolean) => ({
  type: 'FEED.FAILED',
  stream,
  error: new Error('cut off'),
  resumable,
});
const loaded = (feed: OpenFeed = new Feed('t1')) => ({
  mark: MARK,
  schedules: [A],
  notUnderstood: [],
  feed,
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
