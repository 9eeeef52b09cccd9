/** What the scheduler does about schedules that its version does not understand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextMark } from '../../../src/domain/firing/nextMark.ts';
import { type Mark, MAX_SET_ASIDE, type Watermark } from '../../../src/domain/leadership/watermark.ts';
import { every } from '../../support/schedules.ts';
import {
  A,
  asks,
  B,
  deleted,
  ENDING,
  leading,
  loadedEvent,
  LOST,
  mark,
  mirrored,
  odd,
  oddNow,
  running,
  T,
  upsert,
  won,
  written,
} from './schedulerSetup.ts';

const setAside = (rest: Watermark, own: Record<string, Mark>): Watermark => ({
  ...rest,
  setAside: new Map(Object.entries(own)),
});

describe('a schedule that a leader sets aside', () => {
  it('is reported once, claims nothing, and keeps its mark', async () => {
    const it = leading(A, B);
    it.send(oddNow('a'));
    it.send(oddNow('a'));
    assert.deepEqual(it.tests.setAside, ['a']);
    await it.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { b: [100] });
    assert.deepEqual(it.claim.last.input.marks.settled, setAside(mark(100, 0), { a: mark(0) }));
    await it.commit();
    await it.advance(50);
    assert.deepEqual(it.mark(), setAside(mark(150), { a: mark(0) }), 'the others do not wait for it');
  });

  it('resumes from its mark as soon as it is understood', async () => {
    const it = leading(A);
    await it.advance(99);
    it.seen(it.mark());
    it.send(oddNow('a'));
    await it.advance(400);
    it.seen(it.mark());
    it.send(upsert({ ...A, revision: 2 }));
    assert.deepEqual(asks(it.claim.last.input), { a: [100, 200, 300, 400] });
    assert.equal(it.claim.last.input.mayBeClaimed, true, 'we may have claimed some of it before');
    assert.deepEqual(written(it.claim.last.input), mark(499), 'it is among the others again');
    assert.deepEqual(
      written(it.claim.last.input, ['a']),
      setAside(mark(499), { a: mark(99) }),
      'until then its mark stays: it owes',
    );
  });

  it('is forgotten when it is deleted, and a new schedule with its id owes only from its own start', async () => {
    const it = leading(A);
    it.send(oddNow('a'));
    await it.advance(300);
    it.seen(it.mark());
    it.send(deleted('a'));
    assert.deepEqual(it.mark(), mark(300));
    await it.advance(50);
    it.send(oddNow('a'));
    assert.deepEqual(it.tests.setAside, ['a', 'a'], 'another one is told of again');
    it.send(upsert(every(100, T + 340, { id: 'a' })));
    await it.advance(100);
    assert.deepEqual(asks(it.claim.last.input), { a: [440] });
  });

  it('keeps its mark through snapshots that contain it', async () => {
    const it = leading();
    it.send({ ...loadedEvent(B), notUnderstood: [odd('a'), odd('c')] });
    assert.deepEqual(it.tests.setAside, ['a', 'c']);
    await it.advance(50);
    it.seen(it.mark());
    it.send({ ...loadedEvent(B), notUnderstood: [odd('a')], mark: mark(50) });
    assert.deepEqual(it.mark(), setAside(mark(50), { a: mark(0) }));
    assert.deepEqual(it.tests.setAside, ['a', 'c']);
    it.send({ ...loadedEvent(B, every(40, T, { id: 'a' })), mark: mark(50) });
    assert.deepEqual(asks(it.claim.last.input), { a: [40] });
  });

  it('stops the watermark when there are more of them than it can list', async () => {
    const it = leading();
    const many = Array.from({ length: MAX_SET_ASIDE }, (_, i) => odd(`odd-${i}`));
    it.send({ ...loadedEvent(), notUnderstood: many });
    await it.advance(50);
    assert.deepEqual([it.mark().claimedThroughMs, it.mark().setAside?.size], [T + 50, MAX_SET_ASIDE]);
    it.seen(it.mark());
    it.send(oddNow('one-more'));
    await it.advance(50);
    assert.equal(it.mark(), it.progress.mark, 'nothing is written that would lose the last one');
    it.send(upsert(every(30, T + 100, { id: 'due' })));
    await it.advance(30);
    assert.deepEqual(asks(it.claim.last.input), { due: [130] }, 'what is due is claimed all the same');
    assert.deepEqual(written(it.claim.last.input), it.progress.mark);
    await it.commit();
    it.send(deleted('odd-0'));
    assert.deepEqual(it.mark().setAside?.get('one-more'), mark(50));
    assert.deepEqual([it.mark().claimedThroughMs, it.mark().setAside?.size], [T + 130, MAX_SET_ASIDE]);
  });

  it('is not passed by the mark of a claim in flight, even if the leadership ends meanwhile', async () => {
    for (const end of [ENDING, LOST]) {
      const it = leading(A, B);
      await it.advance(100);
      it.send(end);
      it.send(oddNow('a'));
      // It was made before, and the schedule is stale in it.
      assert.deepEqual(written(it.claim.last.input, ['a']), mark(99, 0), end.type);
      assert.deepEqual(it.queue.setAside.get('a'), mark(0), end.type);
    }
  });
});

describe('the marks of schedules that were set aside when a term begins', () => {
  it('are those of the lease, and of all others the watermark', () => {
    const it = running();
    it.send({ ...loadedEvent(), notUnderstood: [odd('a'), odd('c')] });
    it.send(mirrored(900));
    it.send(won(setAside(mark(900), { a: mark(200), gone: mark(1) })));
    const written = nextMark(it.progress, T + 950, 'now');
    assert.deepEqual(written, setAside(mark(950, 900), { a: mark(200), c: mark(900) }));
  });

  it('are the newest that are known, also if the lease was deleted and made again without them', () => {
    const it = running();
    it.send({ ...loadedEvent(), notUnderstood: [odd('a')] });
    it.send(mirrored(900));
    it.send({ type: 'LEASE.SEEN', mark: setAside(mark(900), { a: mark(200) }) });
    it.send(won(mark(600)));
    const written = nextMark(it.progress, T + 950, 'now');
    assert.deepEqual(written, setAside(mark(950, 900), { a: mark(200) }));
  });

  it('are where a newer version goes on, through whatever leaders there were between', async () => {
    const it = running(A, B);
    it.send({ type: 'LEASE.SEEN', mark: mark(150) });
    await it.clock.advance(450);
    it.send({ type: 'LEASE.SEEN', mark: setAside(mark(450), { a: mark(150) }) });
    it.send(won(setAside(mark(450), { a: mark(150) })));
    assert.deepEqual(asks(it.claim.last.input), { a: [200, 300, 400] });
  });

  it('are kept until our mirror knows as much as the one of the last leader', () => {
    const it = running();
    const lease = setAside(mark(900), { late: mark(200) });
    it.send(mirrored(899));
    it.send(won(lease));
    assert.deepEqual(nextMark(it.progress, T + 950, 'now'), lease);
    it.send(oddNow('late'));
    it.send(mirrored(900));
    assert.deepEqual(
      nextMark(it.progress, T + 950, 'now'),
      setAside(mark(950, 900), { late: mark(200) }),
    );
  });
});
