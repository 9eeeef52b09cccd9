import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ASKED,
  FOLLOWS,
  FREE,
  HINT,
  holding,
  leader,
  MINE,
  releasedBy,
  RENEWED,
  STOPPED,
  T,
  WON,
} from './electionSetup.ts';

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

  it('says how the term ended: fenced if it was over, expired if the store does not answer', () => {
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

  it('leads again when no other replica has taken the lease, and is not asked any more', () => {
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
