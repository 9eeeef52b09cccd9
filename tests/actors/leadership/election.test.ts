import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LeaseReading } from '../../../src/domain/leadership/lease.ts';
import { reachable } from '../../support/machines/reachable.ts';
import {
  ASKED,
  candidate,
  FOLLOWS,
  FREE,
  GOT,
  HELD,
  HINT,
  holding,
  INPUT,
  leader,
  lease,
  LEFT,
  machine,
  MINE,
  releasedBy,
  RENEWED,
  STOPPED,
  T,
  TAKEN,
  THEIRS,
} from './electionSetup.ts';

/** Of the server's future, and over at the moment of its renewal. */
const RUN_OUT: LeaseReading = { lease: lease(9000, { renewed_at: new Date(T + 9000) }), serverNowMs: T };

describe('election: candidate', () => {
  it('leads when it has won: the term begins before the role is announced', () => {
    const it = leader();
    assert.equal(it.state, 'leader.holding');
    assert.deepEqual(it.does, [
      ['began', { acquisition: GOT }],
      ['won', GOT],
      ['role', { role: 'leader' }],
      'start watchTrust',
      'after 300',
    ]);
    assert.deepEqual(it.context.grant, MINE);
  });

  it('follows when another one was quicker', () => {
    const it = candidate().answers('acquire', null);
    assert.equal(it.state, 'follower.looking');
    assert.deepEqual(it.does[0], ['role', { role: 'follower' }]);
    assert.equal(it.context.grant, null);
  });

  it('follows when there is no answer, and looks again', () => {
    const error = new Error('cut off');
    const it = candidate().fails('acquire', error);
    assert.equal(it.state, 'follower.storeUnreachable');
    assert.deepEqual(it.does[0], ['report', {
      message: 'the lease could not be acquired; retrying',
      error,
    }]);
    assert.equal(it.after('nextTry').answers('read', FREE).answers('acquire', GOT).state, 'leader.holding');
  });

  it('waits for the answer when asked to stop, and gives back what it won', () => {
    const it = candidate().on({ type: 'STOP' });
    assert.equal(it.state, 'candidate');
    it.answers('acquire', GOT);
    assert.equal(it.state, 'resigning.releasing');
    assert.deepEqual(
      it.does,
      [['began', { acquisition: GOT }], ['role', { role: 'resigning' }], 'start release'],
      'the scheduler never hears of it',
    );
    it.answers('release', true);
    assert.deepEqual([it.state, it.does], ['resigning.handingOver', releasedBy('released')]);
    assert.deepEqual([it.after('headStart').state, it.does], ['stopped', STOPPED]);
  });

  it('stops when it did not win, or will not know', () => {
    assert.equal(candidate().on({ type: 'STOP' }).answers('acquire', null).state, 'stopped');
    assert.equal(candidate().on({ type: 'STOP' }).fails('acquire').state, 'stopped');
  });
});

describe('election: leader', () => {
  it('renews every retry period', () => {
    const it = leader().after('nextRenewal');
    assert.equal(it.state, 'leader.renewing');
    assert.deepEqual(it.does, ['start renew']);
    it.answers('renew', RENEWED);
    assert.equal(it.state, 'leader.holding');
    assert.deepEqual(it.does, [['seen', { lease: RENEWED }], 'after 300']);
  });

  it('renews at once on a hint: that is how it learns of a lease that was taken from it', () => {
    assert.equal(holding().on(HINT).state, 'leader.renewing');
    assert.deepEqual(holding().on(HINT).on(HINT).does, [], 'one renewal at a time');
  });

  it('tries again when a renewal has no answer', () => {
    const error = new Error('cut off');
    const it = leader().after('nextRenewal').fails('renew', error);
    assert.equal(it.state, 'leader.holding');
    assert.deepEqual(it.does, [
      ['report', { message: 'the lease could not be renewed; retrying', error }],
      'after 300',
    ]);
    assert.equal(it.after('nextRenewal').state, 'leader.renewing');
  });

  const ends = (by: string) => ['endTrust', 'lost', ['ended', { by }], ...FOLLOWS];

  it('is fenced when the lease names another grant', () => {
    const it = leader().after('nextRenewal').answers('renew', null);
    assert.equal(it.state, 'follower.looking');
    assert.deepEqual(it.does, ends('fenced'));
    assert.equal(it.context.grant, null);
  });

  it('is fenced when a claim of this term was refused, and not by one of an earlier term', () => {
    assert.deepEqual(leader().on({ type: 'SCHEDULER.FENCED', term: 7 }).does, []);
    const it = leader().on({ type: 'SCHEDULER.FENCED', term: 8 });
    assert.equal(it.state, 'follower.looking');
    assert.deepEqual(it.does, ends('fenced'));
  });

  for (
    const [state, make] of Object.entries({
      holding: leader,
      renewing: () => leader().after('nextRenewal'),
    })
  ) {
    it(`ends its term itself when trust is over, ${state} or not`, () => {
      const it = make().on({ type: 'TRUST.OVER' });
      assert.equal(it.state, 'follower.looking');
      assert.deepEqual(it.does, ends('expired'));
      assert.equal(it.context.grant, null);
      assert.throws(() => it.answers('renew', RENEWED), /not under way/, 'a late renewal changes nothing');
    });

    it(`resigns when asked to stop, ${state} or not`, () => {
      const it = make().on({ type: 'STOP' });
      assert.equal(it.state, 'resigning.settling');
      assert.deepEqual(it.does, [['role', { role: 'resigning' }], 'ending', 'after 3000']);
    });
  }
});

it('election: can reach every state, by every transition', () => {
  const { reached, all, untaken } = reachable(machine, {
    inputs: [INPUT],
    events: [
      HINT,
      TAKEN,
      LEFT,
      { type: 'STOP' },
      { type: 'TRUST.OVER' },
      { type: 'SCHEDULER.STOOD_DOWN' },
      { type: 'SCHEDULER.FENCED', term: 8 },
      { type: 'SCHEDULER.FENCED', term: 7 },
      { type: 'LEADER.DEAD', grant: THEIRS },
    ],
    answers: {
      read: [FREE, HELD, RUN_OUT, { lease: RENEWED, serverNowMs: T }],
      acquire: [GOT, null],
      renew: [RENEWED, ASKED, null],
      release: [true, false],
    },
    by: (
      { grant, acknowledgedTerm, dead, leaving, stopping },
    ) => [grant, acknowledgedTerm, dead, leaving, stopping],
    invariant: (state, { grant, acknowledgedTerm, dead, leaving, stopping }, underWay) => {
      const asks: Record<string, string> = {
        'follower.looking': 'read',
        'follower.releasingStale': 'release',
        'candidate': 'acquire',
        'leader.renewing': 'renew',
        'resigning.releasing': 'release',
      };
      const watches = { follower: 'watchLeader', leader: 'watchTrust' }[state.split('.')[0] as string];
      assert.deepEqual(
        underWay.toSorted(),
        state === 'stopped' ? ['watchLease'] : [asks[state], watches, 'watchLease'].filter(Boolean).sort(),
        'it renews only under a trust that is watched, and asks one thing at a time',
      );
      if (state === 'stopped') return assert.equal(stopping, true);
      assert.deepEqual(grant, /^(leader|resigning)/.test(state) ? MINE : null);
      if (/^(follower|leader)/.test(state)) assert.equal(stopping, false, 'STOP is heeded at once');
      if (state.startsWith('resigning')) {
        assert.ok(stopping || leaving === 'stepped down', 'who resigns for good was told to stop');
      }
      if (state === 'follower.releasingStale') {
        assert.equal(acknowledgedTerm, MINE.term, 'it gives back what it has held');
      }
      if (state === 'follower.preempting') assert.deepEqual(dead, THEIRS, 'it knows whom it pre-empts');
      if (/^(leader|resigning)|watching|releasingStale|coolingDown/.test(state)) {
        assert.equal(dead, null, 'whom to pre-empt is old news');
      }
    },
  });
  assert.deepEqual(reached, all);
  assert.deepEqual(untaken, []);
});
