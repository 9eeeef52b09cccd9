import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LeaseReading } from '../../../src/domain/leadership/lease.ts';
import {
  candidate,
  FOLLOWS,
  FREE,
  HELD,
  HINT,
  leader,
  lease,
  LEFT,
  ME,
  RENEWED,
  start,
  STOPPED,
  T,
  TAKEN,
  THEIRS,
  WON,
} from './electionSetup.ts';

describe('election: follower', () => {
  it('looks at the lease first, and listens for hints', () => {
    const it = start();
    assert.equal(it.state, 'follower.looking');
    assert.deepEqual(it.does, ['start watchLease', ...FOLLOWS]);
  });

  it('watches a lease that is held, and looks again after the retry period', () => {
    const it = start().answers('read', HELD);
    assert.equal(it.state, 'follower.watching');
    assert.deepEqual(it.does, [['watchHolder', HELD], ['seen', HELD], 'after 300']);
    assert.equal(it.after('nextLook').state, 'follower.looking');
    assert.deepEqual(it.does, ['start read'], 'it was a follower before: no role is told');
  });

  it('looks earlier when the lease ends earlier', () => {
    const it = start().answers('read', { lease: lease(100), serverNowMs: T });
    assert.deepEqual(it.does.at(-1), `after ${100 + 2 + 5}`);
  });

  it('spreads its looks by a tenth either way, and by 10 ms at the end of the lease', () => {
    const looks = (random: number, reading: LeaseReading) =>
      start({ random: () => random }).answers('read', reading).does.at(-1);
    assert.equal(looks(0, HELD), 'after 270');
    assert.equal(looks(1, HELD), 'after 330');
    assert.equal(looks(0, { lease: lease(40), serverNowMs: T }), 'after 42');
    assert.equal(looks(1, { lease: lease(40), serverNowMs: T }), 'after 52');
  });

  it('looks at once on a hint, wherever it is', () => {
    assert.equal(start().answers('read', HELD).on(HINT).state, 'follower.looking');
    assert.equal(start().fails('read').on(HINT).state, 'follower.looking');
    const looking = start().on(HINT);
    assert.equal(looking.state, 'follower.looking');
    assert.deepEqual(looking.does, ['start read'], 'what was asked before the hint may be old news');
  });

  it('asks at once, without a look, for a lease that was left to it', () => {
    const it = start().answers('read', HELD).on(LEFT);
    assert.equal(it.state, 'candidate');
    assert.deepEqual(it.does, [['role', { role: 'candidate' }], 'start acquire']);
    assert.equal(it.context.dead, null);
  });

  it('leaves alone who has taken it, for a moment', () => {
    const it = start().answers('read', HELD).on(TAKEN);
    assert.equal(it.state, 'follower.watching');
    assert.deepEqual(it.does, [`after ${50 + 2 + 5}`]);
    assert.equal(it.on(LEFT).state, 'candidate', 'it was given back by then');
    assert.equal(start().answers('read', HELD).on(TAKEN).after('nextLook').state, 'follower.looking');
  });

  it('takes a lease that is not renewed for its length by its own clock, where the server’s was set back', () => {
    let nowMs = 5_000;
    const held: LeaseReading = {
      lease: lease(3_600_000 + 3000, { renewed_at: new Date(T + 3_600_000) }),
      serverNowMs: T,
    };
    const it = start({ monotonicMs: () => nowMs }).answers('read', held);
    assert.equal(it.state, 'follower.watching');
    nowMs += 2999;
    assert.equal(it.after('nextLook').answers('read', held).state, 'follower.watching');
    nowMs += 1;
    const renewed = { ...held, lease: { ...held.lease, renewed_at: new Date(T + 3_600_300) } };
    assert.equal(it.after('nextLook').answers('read', renewed).state, 'follower.watching');
    nowMs += 3000;
    assert.equal(it.after('nextLook').answers('read', renewed).state, 'follower.preempting');
    assert.deepEqual(it.context.dead, THEIRS, 'it pre-empts exactly that grant');
  });

  it('leaves a lease to its heir when it finds out by looking, for as long', () => {
    const given = (heir: string | null, sinceMs: number): LeaseReading => ({
      lease: lease(0, { released_at: new Date(T), released_by: 'released', heir }),
      serverNowMs: T + sinceMs,
    });
    const waits = start().answers('read', given('b3', 30));
    assert.deepEqual([waits.state, waits.does.at(-1)], ['follower.watching', `after ${70 + 2 + 5}`]);
    for (const reading of [given('b3', 100), given(ME.boot, 0), given(null, 0)]) {
      assert.equal(start().answers('read', reading).state, 'candidate');
    }
  });

  it('asks at once for a lease that it holds without knowing: the answer to its acquisition was lost', () => {
    const mine: LeaseReading = { lease: WON, serverNowMs: T };
    assert.equal(start().answers('read', mine).state, 'candidate');
  });

  it('gives back a lease that is still its own after it has ended the term: others may be better off', () => {
    const mine: LeaseReading = { lease: RENEWED, serverNowMs: T };
    const returning = () => leader().on({ type: 'TRUST.OVER' }).answers('read', mine);
    assert.deepEqual([returning().state, returning().does], [
      'follower.releasingStale',
      [['seen', mine], 'start release'],
    ]);
    for (const released of [true, false]) {
      assert.equal(returning().answers('release', released).state, 'follower.coolingDown');
    }
    const error = new Error('cut off');
    const failed = returning().fails('release', error);
    assert.equal(failed.state, 'follower.storeUnreachable');
    const message = 'the lease of an ended term could not be released; retrying';
    assert.deepEqual(failed.does[0], ['report', { message, error }]);
    const over = leader().on({ type: 'TRUST.OVER' }).answers('read', { ...mine, serverNowMs: T + 4000 });
    assert.equal(over.state, 'candidate', 'it has run out by then');
  });

  it('tries again after an error', () => {
    const error = new Error('cut off');
    const it = start().fails('read', error);
    assert.equal(it.state, 'follower.storeUnreachable');
    assert.deepEqual(it.does, [
      ['report', { message: 'the lease could not be read; retrying', error }],
      'after 300',
    ]);
    assert.equal(it.after('nextTry').state, 'follower.looking');
  });

  it("is a candidate for a lease that is free, to the millisecond, on the server's clock", () => {
    assert.equal(
      start().answers('read', { lease: lease(1), serverNowMs: T }).state,
      'follower.watching',
    );
    const it = candidate();
    assert.equal(it.state, 'candidate');
    assert.deepEqual(it.does, [['seen', FREE], ['role', { role: 'candidate' }], 'start acquire']);
  });

  for (
    const [state, make] of Object.entries({
      'looking': start,
      'watching': () => start().answers('read', HELD),
      'storeUnreachable': () => start().fails('read'),
      'preempting': () => start().on({ type: 'LEADER.DEAD', grant: THEIRS }),
    })
  ) {
    it(`stops at once when ${state}: there is nothing to give back`, () => {
      const it = make().on({ type: 'STOP' });
      assert.equal(it.state, 'stopped');
      assert.deepEqual(it.does, STOPPED);
    });
  }

  const DEAD = { type: 'LEADER.DEAD', grant: THEIRS };

  it('pre-empts the grant of a leader whose process is gone, a moment later than some other may', () => {
    for (const random of [0, 0.5, 1]) {
      const it = start({ random: () => random }).answers('read', HELD).on(DEAD);
      assert.equal(it.state, 'follower.preempting');
      assert.deepEqual(it.does, [`after ${30 * random}`]);
      assert.equal(it.after('stagger').state, 'candidate');
      assert.deepEqual(it.context.dead, THEIRS);
    }
  });

  it('gives up a pre-emption when another replica was first, and does not repeat it later', () => {
    const it = start().answers('read', HELD).on(DEAD).on(HINT);
    assert.equal(it.state, 'follower.looking');
    it.answers('read', { lease: lease(3000, { holder: 'r3', boot: 'b3', term: 8 }), serverNowMs: T });
    assert.deepEqual([it.state, it.context.dead], ['follower.watching', null]);
    const late = start().answers('read', HELD).on(DEAD).after('stagger').answers('acquire', null);
    assert.deepEqual([late.state, late.context.dead], ['follower.looking', null]);
  });

  it('does not give up because of a hint that means something else, or an answer that was lost', () => {
    const hinted = start().answers('read', HELD).on(DEAD).on(HINT).answers('read', HELD);
    assert.deepEqual([hinted.state, hinted.context.dead], ['follower.preempting', THEIRS]);
    const lost = start().answers('read', HELD).on(DEAD).after('stagger').fails('acquire');
    assert.deepEqual([lost.state, lost.context.dead], ['follower.storeUnreachable', THEIRS]);
    assert.equal(lost.after('nextTry').answers('read', HELD).state, 'follower.preempting');
  });

  it('ignores what only matters to a leader', () => {
    for (
      const event of [{ type: 'TRUST.OVER' }, { type: 'SCHEDULER.FENCED', term: 0 }, {
        type: 'SCHEDULER.STOOD_DOWN',
      }]
    ) {
      const it = start().answers('read', HELD).on(event);
      assert.equal(it.state, 'follower.watching');
      assert.deepEqual(it.does, []);
    }
  });
});
