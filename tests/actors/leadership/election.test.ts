import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EventFromLogic, fromCallback } from 'xstate';
import { electionMachine } from '../../../src/actors/leadership/election.ts';
import type { ElectionInput, LeaderEvent } from '../../../src/actors/leadership/electionSetup.ts';
import type {
  Acquisition,
  Candidate,
  DeadGrant,
  Grant,
  Lease,
  LeaseReading,
  ReleasedBy,
} from '../../../src/domain/leadership/lease.ts';
import { leaseWith } from '../../support/leases.ts';
import { calls, reachable, underParent, type Walk, walk } from '../../support/machines.ts';
import { SimClock } from '../../support/simClock.ts';

const T = Date.UTC(2030, 0, 1);
const ME = { holder: 'r1', boot: 'b1', address: 'http://r1' };
const INPUT: ElectionInput = {
  me: ME,
  timing: { durationMs: 3000, retryMs: 300, marginMs: 500 },
  random: () => 0.5,
  monotonicMs: () => 0,
};
const MINE: Grant = { holder: 'r1', boot: 'b1', term: 8 };
/** Of the lease as `lease()` makes it. */
const THEIRS: DeadGrant = { holder: 'r2', boot: 'b2', term: 7, diedAt: new Date(T) };
const MARK = { claimedThroughMs: T, mirroredThroughMs: T };

/** A lease that ends `endsInMs` after T. */
function lease(endsInMs: number, more: Partial<Lease> = {}): Lease {
  return leaseWith({
    holder: 'r2',
    boot: 'b2',
    term: 7,
    address: 'http://r2',
    acquired_at: new Date(T),
    began_by: 'acquired',
    renewed_at: new Date(T),
    latest_at: new Date(T),
    expires_at: new Date(T + endsInMs),
    watermark: MARK,
    ...more,
  });
}

const HELD: LeaseReading = { lease: lease(2000), serverNowMs: T };
/** Of the server's future, and over at the moment of its renewal. */
const RUN_OUT: LeaseReading = { lease: lease(9000, { renewed_at: new Date(T + 9000) }), serverNowMs: T };
const FREE: LeaseReading = { lease: lease(0), serverNowMs: T };
const WON = lease(3000, { ...MINE, address: ME.address });
const GOT: Acquisition = { lease: WON, previous: FREE.lease };
const RENEWED = lease(4000, { ...MINE, address: ME.address });
const ASKED: Lease = { ...RENEWED, step_down_term: 8 };

const HINT = { type: 'HINT', hint: 'changed' } as const;
const TAKEN = { type: 'HINT', hint: 'taken' } as const;
const LEFT = { type: 'HINT', hint: 'left' } as const;

const silent = () => {};
/** With its messages to the parent as plain actions, so that a step shows them. */
const machine = electionMachine.provide({
  actions: {
    role: silent,
    began: silent,
    ended: silent,
    seen: silent,
    won: silent,
    lost: silent,
    ending: silent,
    stopped: silent,
    requested: silent,
    report: silent,
    endTrust: silent,
    watchHolder: silent,
  },
});

const start = (more: Partial<ElectionInput> = {}) => walk(machine, { ...INPUT, ...more });
const candidate = () => start().answers('read', FREE);
const leader = () => candidate().answers('acquire', GOT);
const holding = () => leader().after('nextRenewal').answers('renew', RENEWED);
const FOLLOWS = [['role', { role: 'follower' }], 'start watchLeader', 'start read'];
const STOPPED = ['stopped'];
/** Nothing more is done before the next leader has begun. */
const releasedBy = (by: string) => [['ended', { by }], 'endTrust', 'after 100'];

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

  it('leaves it to whoever was first, and pre-empts nobody later by mistake', () => {
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

describe('election: candidate', () => {
  it('leads when it won: the term begins before anybody hears of its role', () => {
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

describe('election: resigning', () => {
  const resigning = () => leader().on({ type: 'STOP' });
  const releasing = () => resigning().on({ type: 'SCHEDULER.STOOD_DOWN' });

  it('gives the lease back when the batch in flight is settled', () => {
    const it = releasing();
    assert.equal(it.state, 'resigning.releasing');
    assert.deepEqual(it.does, ['start release']);
    it.answers('release', true);
    assert.deepEqual([it.state, it.does], ['resigning.handingOver', releasedBy('released')]);
    assert.deepEqual([it.after('headStart').state, it.does], ['stopped', STOPPED]);
  });

  it('gives it back after a lease duration if the batch never settles', () => {
    assert.equal(resigning().after('settleLimit').state, 'resigning.releasing');
  });

  it('tells how the term ended: fenced if it was over, expired if nobody answers', () => {
    assert.deepEqual(releasing().answers('release', false).does, releasedBy('fenced'));
    const error = new Error('cut off');
    assert.deepEqual(releasing().fails('release', error).does, [
      ['report', { message: 'the lease could not be released; it will expire', error }],
      ...releasedBy('expired'),
    ]);
  });

  it('is not disturbed by hints, a second STOP, or a claim that is refused meanwhile', () => {
    for (const event of [HINT, { type: 'STOP' }, { type: 'SCHEDULER.FENCED', term: 8 }]) {
      assert.equal(resigning().on(event).state, 'resigning.settling');
      assert.equal(releasing().on(event).state, 'resigning.releasing');
    }
  });
});

describe('election: asked to step down', () => {
  const settling = () => holding().on(HINT).answers('renew', ASKED);
  const releasing = () => settling().on({ type: 'SCHEDULER.STOOD_DOWN' });
  const yielding = () => releasing().answers('release', true);
  /** What is done when the lease is given back, and the term has ended that way. */
  const yields = (by: string) => [['ended', { by }], 'endTrust', ...FOLLOWS.slice(0, 2), 'after 900'];

  it('learns of it with its next renewal, and resigns', () => {
    const it = leader().after('nextRenewal').answers('renew', ASKED);
    assert.equal(it.state, 'resigning.settling');
    assert.deepEqual(it.does, [['role', { role: 'resigning' }], 'ending', 'after 3000']);
    assert.deepEqual(it.context.grant, MINE);
  });

  it('takes no notice when it is meant for another term', () => {
    for (const step_down_term of [null, 7, 9]) {
      const renewed = { ...RENEWED, step_down_term };
      const it = holding().on(HINT).answers('renew', renewed);
      assert.equal(it.state, 'leader.holding');
      assert.deepEqual(it.does, [['seen', { lease: renewed }], 'after 300']);
    }
  });

  it('gives the lease back when the batch in flight is settled, and leaves it to the others for a moment', () => {
    const it = settling().on({ type: 'SCHEDULER.STOOD_DOWN' });
    assert.deepEqual([it.state, it.does], ['resigning.releasing', ['start release']]);
    it.answers('release', true);
    assert.deepEqual([it.state, it.does, it.context.grant], [
      'follower.coolingDown',
      yields('stepped down'),
      null,
    ]);
  });

  it('yields for three retry periods, whatever is hinted, and looks then', () => {
    const it = yielding().on(HINT);
    assert.deepEqual([it.state, it.does], ['follower.coolingDown', []]);
    it.after('yield');
    assert.deepEqual([it.state, it.does], ['follower.looking', ['start read']]);
  });

  it('leads again when nobody else came, and is not asked any more', () => {
    const it = yielding().after('yield').answers('read', FREE);
    const term9 = { ...WON, term: 9, step_down_term: 8 };
    it.answers('acquire', { lease: term9, previous: ASKED });
    assert.deepEqual([it.state, it.context.grant], ['leader.holding', { ...MINE, term: 9 }]);
    it.after('nextRenewal').answers('renew', term9);
    assert.equal(it.state, 'leader.holding');
    it.on({ type: 'STOP' }).on({ type: 'SCHEDULER.STOOD_DOWN' }).answers('release', true);
    assert.deepEqual(it.does[0], ['ended', { by: 'released' }], 'that was for another reason');
  });

  it('yields also when it was fenced meanwhile, or does not know whether the lease was given back', () => {
    const fenced = releasing().answers('release', false);
    assert.deepEqual([fenced.state, fenced.does], ['follower.coolingDown', yields('fenced')]);
    const error = new Error('cut off');
    const lost = releasing().fails('release', error);
    assert.equal(lost.state, 'follower.coolingDown');
    assert.deepEqual(lost.does, [
      ['report', { message: 'the lease could not be released; it will expire', error }],
      ...yields('expired'),
    ]);
    lost.after('yield').answers('read', { lease: ASKED, serverNowMs: T });
    assert.equal(lost.state, 'follower.releasingStale', 'it is tried again');
  });

  it('gives it back after a lease duration if the batch never settles', () => {
    assert.equal(settling().after('settleLimit').state, 'resigning.releasing');
  });

  it('is not disturbed by a claim that is refused, or a lease that is over meanwhile', () => {
    for (const event of [HINT, { type: 'TRUST.OVER' }, { type: 'SCHEDULER.FENCED', term: 8 }]) {
      assert.equal(settling().on(event).state, 'resigning.settling');
      assert.equal(releasing().on(event).state, 'resigning.releasing');
    }
  });

  it('stops when it is asked to do that as well, at whatever moment, and has ended its term once', () => {
    const settled = settling().on({ type: 'STOP' }).on({ type: 'SCHEDULER.STOOD_DOWN' });
    for (const it of [settled, releasing().on({ type: 'STOP' })]) {
      assert.deepEqual(it.answers('release', true).does, releasedBy('stepped down'));
      assert.deepEqual([it.after('headStart').state, it.does], ['stopped', STOPPED]);
    }
    const it = yielding().on({ type: 'STOP' });
    assert.deepEqual([it.state, it.does], ['stopped', STOPPED], 'there is nothing to give back');
  });
});

it('election: passes on that a run was requested, while it leads', () => {
  const request = { type: 'REQUEST' };
  for (const it of [leader(), leader().after('nextRenewal')]) {
    const { state } = it;
    assert.deepEqual([it.on(request).does, it.state], [['requested'], state]);
  }
  for (const it of [start(), start().answers('read', HELD), candidate(), leader().on({ type: 'STOP' })]) {
    const { state } = it;
    assert.deepEqual([it.on(request).does, it.state], [[], state], 'whoever leads next looks by itself');
  }
});

it('election: can reach every state, by every transition', () => {
  const { reached, all, untaken } = reachable(machine, {
    inputs: [INPUT],
    events: [
      HINT,
      TAKEN,
      LEFT,
      { type: 'REQUEST' },
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

const YES: Record<string, unknown> = { read: FREE, acquire: GOT, renew: RENEWED, release: true };
const NO: Record<string, unknown> = { read: HELD, acquire: null, renew: null, release: false };

/** What comes next: an event, or the answer to what is asked at the moment. Null when nothing is. */
function next(it: Walk, what: string): Walk | null {
  const src = it.underWay.find((name) => name in YES);
  if (what === 'HINT') return it.on(HINT);
  if (what === 'FENCED') return it.on({ type: 'SCHEDULER.FENCED', term: 8 });
  if (what === what.toUpperCase()) return it.on({ type: what });
  if (what === 'later') return it.after('nextRenewal');
  if (src === undefined) return null;
  if (what === 'asked') return src === 'renew' ? it.answers(src, ASKED) : null;
  return what === 'fails' ? it.fails(src) : it.answers(src, (what === 'yes' ? YES : NO)[src]);
}

it('election: a term that began ends once, and before the next one, whatever comes in whatever order', () => {
  const all = ['HINT', 'STOP', 'TRUST.OVER', 'FENCED', 'SCHEDULER.STOOD_DOWN', 'fails', 'yes', 'no', 'asked'];
  const rows = all.flatMap((a) => all.flatMap((b) => all.map((c) => [a, b, c])));
  const starts = [['yes'], ['yes', 'TRUST.OVER', 'yes', 'yes'], ['yes', 'later', 'asked']];
  for (const start of starts) {
    for (const row of rows) {
      const it = candidate();
      let open = 0;
      let trusted = false;
      for (const what of [...start, ...row]) {
        if (it.state === 'stopped' || next(it, what) === null) break;
        for (const deed of it.does) {
          if (deed === 'endTrust') trusted = false;
          if (deed[0] === 'began') {
            open++;
            trusted = true;
          }
          if (deed[0] === 'ended') open--;
          assert.ok(open === 0 || open === 1, `${row}`);
        }
        const leads = /^(leader|resigning)/.test(it.state) && it.state !== 'resigning.handingOver';
        assert.deepEqual([open, trusted], [leads ? 1 : 0, leads], `${start}, ${row}: ${it.state}`);
      }
    }
  }
});

/** The machine on a simulated clock, with every slot answered by the test. */
function running() {
  const clock = new SimClock();
  const read = calls<LeaseReading>();
  const acquire = calls<Acquisition | null, { me: Candidate; instead: DeadGrant | null }>();
  const renew = calls<Lease | null, { grant: Grant }>();
  const release = calls<boolean, { grant: Grant; by: ReleasedBy }>();
  const reports: string[] = [];
  const watches: string[] = [];
  const followed: number[] = [];
  const sends: Record<string, () => void> = {};
  let trustEnded = 0;
  const watch = (name: string, ...types: ('HINT' | 'REQUEST' | 'TRUST.OVER')[]) =>
    fromCallback<EventFromLogic<typeof electionMachine>>(({ sendBack }) => {
      watches.push(`${name} begins`);
      for (const type of types) sends[type] = () => sendBack(type === 'HINT' ? HINT : { type });
      return () => void watches.push(`${name} ends`);
    });
  const under = underParent(
    electionMachine.provide({
      actors: {
        read: read.slot,
        acquire: acquire.slot,
        renew: renew.slot,
        release: release.slot,
        watchLease: watch('lease', 'HINT', 'REQUEST'),
        watchTrust: watch('trust', 'TRUST.OVER'),
        watchLeader: fromCallback<LeaderEvent>(({ receive, sendBack }) => {
          receive(({ reading }) => followed.push(reading.lease.term));
          sends.dead = () => sendBack({ type: 'LEADER.DEAD', grant: THEIRS });
          return () => void delete sends.dead;
        }),
      },
      actions: {
        report: (_, { message }) => void reports.push(message),
        endTrust: () => void trustEnded++,
      },
    }),
    { clock, input: INPUT },
  );
  return {
    ...under,
    machine: under,
    clock,
    read,
    acquire,
    renew,
    release,
    reports,
    watches,
    followed,
    leaderDead: () => sends.dead?.(),
    hint: () => sends.HINT?.(),
    request: () => sends.REQUEST?.(),
    trustOver: () => sends['TRUST.OVER']?.(),
    trustEnded: () => trustEnded,
    /** To the leadership, and forgets what was told on the way. */
    async lead() {
      await read.last.answer(FREE);
      await acquire.last.answer(GOT);
      under.heard();
    },
  };
}

describe('election, as an actor', () => {
  it('tells its parent how it came to lead', async () => {
    const it = running();
    await it.read.last.answer(HELD);
    await it.clock.advance(300);
    await it.read.last.answer(FREE);
    await it.acquire.last.answer(GOT);
    assert.deepEqual(it.told, [
      { type: 'ELECTION.ROLE', role: 'follower', by: 'xstate.init' },
      { type: 'LEASE.SEEN', mark: MARK },
      { type: 'LEASE.SEEN', mark: MARK },
      { type: 'ELECTION.ROLE', role: 'candidate', by: 'xstate.done.actor.0.election.follower.looking' },
      { type: 'ELECTION.BEGAN', acquisition: GOT },
      { type: 'LEASE.WON', grant: MINE, lease: WON, lastClaimMs: T },
      { type: 'ELECTION.ROLE', role: 'leader', by: 'xstate.done.actor.0.election.candidate' },
    ]);
    assert.deepEqual(it.acquire.last.input, { me: ME, instead: null });
  });

  it('takes no notice of an answer that was asked for before a hint', async () => {
    const it = running();
    it.hint();
    const [old, fresh] = it.read.list;
    assert.ok(old && fresh && old.signal.aborted);
    await old.answer(FREE);
    assert.equal(it.machine.state, 'follower.looking', 'the lease was free then; it may be taken now');
    await fresh.answer(HELD);
    assert.equal(it.machine.state, 'follower.watching');
    assert.equal(it.acquire.list.length, 0);
  });

  it('has the process watched that holds the lease, and asks for exactly its grant when that is gone', async () => {
    const it = running();
    await it.read.last.answer(HELD);
    assert.deepEqual(it.followed, [7]);
    it.leaderDead();
    await it.clock.advance(15);
    assert.deepEqual(it.acquire.last.input, { me: ME, instead: THEIRS });
    await it.acquire.last.answer(GOT);
    assert.equal(it.leaderDead(), undefined, 'a leader watches nobody');
    assert.equal(it.machine.state, 'leader.holding');
  });

  it('looks again exactly a retry period after the last answer', async () => {
    const it = running();
    await it.read.last.answer(HELD);
    await it.clock.advance(299);
    assert.equal(it.read.list.length, 1);
    await it.clock.advance(1);
    assert.equal(it.read.list.length, 2);
  });

  it('goes on trying to renew until trust is over, and a renewal that comes too late changes nothing', async () => {
    const it = running();
    await it.lead();
    await it.clock.advance(300);
    await it.renew.last.fail();
    await it.clock.advance(300);
    assert.equal(it.renew.list.length, 2);
    it.trustOver();
    assert.deepEqual(it.heard(), ['LEASE.LOST', 'ELECTION.ENDED', 'ELECTION.ROLE']);
    assert.equal(it.trustEnded(), 1);
    assert.deepEqual(it.watches, ['lease begins', 'trust begins', 'trust ends']);
    await it.renew.last.answer(RENEWED);
    assert.deepEqual([it.machine.state, it.told], ['follower.looking', []]);
  });

  it('names the term that ended, and the grant that it renews and gives back', async () => {
    const it = running();
    await it.lead();
    await it.clock.advance(300);
    assert.deepEqual(it.renew.last.input, { grant: MINE });
    await it.renew.last.answer(RENEWED);
    it.child.send({ type: 'STOP' });
    it.child.send({ type: 'SCHEDULER.STOOD_DOWN' });
    assert.deepEqual(it.release.last.input, { grant: MINE, by: 'released' });
    await it.release.last.answer(true);
    assert.equal(it.told.at(-1)?.type, 'ELECTION.ENDED');
    await it.clock.advance(100);
    assert.deepEqual(it.told, [
      { type: 'LEASE.SEEN', mark: MARK },
      { type: 'ELECTION.ROLE', role: 'resigning', by: 'STOP' },
      { type: 'LEASE.ENDING' },
      { type: 'ELECTION.ENDED', term: 8, by: 'released' },
      { type: 'ELECTION.STOPPED', by: 'xstate.after.headStart.election.resigning.handingOver' },
      it.told.at(-1),
    ]);
    assert.equal(it.told.at(-1)?.type, 'xstate.done.actor.child');
    assert.deepEqual(it.watches.at(-1), 'lease ends');
  });

  it('can lead again, under a new term, after it was fenced', async () => {
    const it = running();
    await it.lead();
    await it.clock.advance(300);
    await it.renew.last.answer(null);
    assert.deepEqual(it.heard(), ['LEASE.LOST', 'ELECTION.ENDED', 'ELECTION.ROLE']);
    await it.read.last.answer(FREE);
    await it.acquire.last.answer({ ...GOT, lease: { ...WON, term: 10 } });
    await it.clock.advance(300);
    assert.deepEqual(it.renew.last.input, { grant: { ...MINE, term: 10 } });
    it.child.send({ type: 'SCHEDULER.FENCED', term: 8 });
    assert.equal(it.machine.state, 'leader.renewing', 'that was the other term');
  });

  it('steps down when it is asked to, and says so to the store and to its parent', async () => {
    const it = running();
    await it.lead();
    await it.clock.advance(300);
    await it.renew.last.answer(ASKED);
    assert.deepEqual(it.heard(), ['ELECTION.ROLE', 'LEASE.ENDING']);
    assert.equal(it.trustEnded(), 0, 'the batch in flight may still be settled');
    it.child.send({ type: 'SCHEDULER.STOOD_DOWN' });
    assert.deepEqual(it.release.last.input, { grant: MINE, by: 'stepped down' });
    await it.release.last.answer(true);
    assert.deepEqual(it.told, [
      { type: 'ELECTION.ENDED', term: 8, by: 'stepped down' },
      { type: 'ELECTION.ROLE', role: 'follower', by: 'xstate.done.actor.0.election.resigning.releasing' },
    ]);
    assert.equal(it.trustEnded(), 1);
    it.hint();
    await it.clock.advance(899);
    assert.equal(it.read.list.length, 1, 'somebody else is to be first');
    await it.clock.advance(1);
    await it.read.last.answer(HELD);
    assert.deepEqual([it.machine.state, it.followed], ['follower.watching', [7]]);
  });

  it('tells its parent of requests while it leads', async () => {
    const it = running();
    it.request();
    await it.lead();
    it.request();
    assert.deepEqual(it.heard(), ['LEASE.REQUESTED']);
  });

  it('gives back what it won while it was being stopped', async () => {
    const it = running();
    await it.read.last.answer(FREE);
    it.child.send({ type: 'STOP' });
    assert.equal(it.machine.state, 'candidate');
    it.heard();
    await it.acquire.last.answer(GOT);
    await it.release.last.answer(true);
    await it.clock.advance(100);
    assert.deepEqual(it.heard(), [
      'ELECTION.BEGAN',
      'ELECTION.ROLE',
      'ELECTION.ENDED',
      'ELECTION.STOPPED',
      'xstate.done.actor.child',
    ]);
    assert.equal(it.trustEnded(), 1);
  });

  it('releases after a lease duration when the scheduler never says that it stood down', async () => {
    const it = running();
    await it.lead();
    it.child.send({ type: 'STOP' });
    await it.clock.advance(2999);
    assert.equal(it.release.list.length, 0);
    await it.clock.advance(1);
    assert.equal(it.release.list.length, 1);
    await it.release.last.fail();
    await it.clock.advance(100);
    assert.equal(it.machine.state, 'stopped');
    assert.deepEqual(it.reports, ['the lease could not be released; it will expire']);
  });
});
