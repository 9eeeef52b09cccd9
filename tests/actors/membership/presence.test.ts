import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createActor } from 'xstate';
import { presenceMachine } from '../../../src/actors/membership/presence.ts';
import type { Announcement, Role } from '../../../src/domain/membership/replica.ts';
import { calls } from '../../support/machines/actors.ts';
import { reachable } from '../../support/machines/reachable.ts';
import { type Walk, walk } from '../../support/machines/walk.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

const STOP = { type: 'STOP' as const };
const role = (name: Role, by = 'why') => ({ type: 'ROLE' as const, role: name, by });
const INPUT = { serverNowMs: () => 1000 };

const announcing = () => walk(presenceMachine, INPUT);
const resting = () => announcing().answers('announce');
const gathering = () => resting().on(role('leader'));
const waiting = () => announcing().fails('announce');
const leaving = () => resting().on(STOP);

describe('presence', () => {
  it('announces, rests for a second, and announces again', () => {
    const it = announcing();
    assert.deepEqual([it.state, it.does], ['announcing', ['start announce']]);
    it.answers('announce');
    assert.deepEqual([it.state, it.does], ['resting', ['after 1000']]);
    assert.equal(it.after('interval').state, 'announcing');
  });

  it('announces a new role a moment later, with those that came meanwhile', () => {
    const it = resting().on(role('candidate'));
    assert.deepEqual([it.state, it.does], ['gathering', ['after 100']]);
    assert.deepEqual([it.on(role('leader')).state, it.does], ['gathering', []]);
    it.after('headStart');
    assert.deepEqual([it.state, it.does, it.context.status.role], [
      'announcing',
      ['start announce'],
      'leader',
    ]);
    assert.equal(it.answers('announce').state, 'resting', 'once');
  });

  it('says nothing new of the role that it began with', () => {
    const it = resting().on(role('follower'));
    assert.deepEqual([it.state, it.does], ['resting', []]);
  });

  it('says every step to its role, one by one, also when they are announced at once', () => {
    const it = announcing().on(role('candidate', 'read')).on(role('leader', 'won'));
    it.answers('announce');
    const step = (from: string, to: string, by: string) => ({ at: new Date(1000), from, to, by });
    assert.deepEqual(it.context.status, {
      role: 'leader',
      transitions: [step('follower', 'candidate', 'read'), step('candidate', 'leader', 'won')],
      transition_count: 2,
    });
    assert.equal(it.on(role('draining', 'stop')).context.status.transitions.at(-1).to, 'stopped');
  });

  it('keeps the newest 20 steps, and the count of all', () => {
    const it = resting();
    for (let i = 0; i < 15; i++) it.on(role('candidate', `${i}`)).on(role('follower'));
    const { transitions, transition_count } = it.context.status;
    assert.deepEqual([transitions.length, transition_count, transitions[0].by], [20, 30, '5']);
  });

  it('announces again when the role changed while it announced another', () => {
    const it = announcing().on(role('leader'));
    assert.deepEqual([it.state, it.does], ['announcing', []]);
    assert.equal(it.answers('announce').after('headStart').state, 'announcing');
    assert.equal(it.answers('announce').state, 'resting');
  });

  it('reports an announcement without an answer, and lets the next one follow in its time', () => {
    const it = announcing().fails('announce', 'cut off');
    assert.deepEqual([it.state, it.does], ['waiting', [
      ['report', { message: 'this replica could not announce itself', error: 'cut off' }],
      'after 1000',
    ]]);
    assert.equal(it.on(role('leader')).state, 'waiting');
    assert.equal(it.after('interval').state, 'announcing');
  });

  for (const [state, make] of Object.entries<() => Walk>({ resting, gathering, waiting })) {
    it(`takes its leave when it is asked to stop while ${state}`, () => {
      const it = make().on(STOP);
      assert.deepEqual([it.state, it.does], ['leaving', ['start leave']]);
      assert.equal(it.answers('leave').state, 'gone');
    });
  }

  for (const heard of [true, false]) {
    it(`lets an announcement that ${heard ? 'succeeds' : 'fails'} end before it leaves: it would come after`, () => {
      const asked = announcing().on(STOP);
      assert.equal(asked.state, 'announcing');
      const it = heard ? asked.answers('announce') : asked.fails('announce', 'cut off');
      assert.equal(it.state, 'leaving');
    });
  }

  it('is gone even if its leave gets no answer', () => {
    const it = leaving().fails('leave', 'cut off');
    assert.deepEqual([it.state, it.does], ['gone', [
      ['report', { message: "this replica's presence entry could not be deleted", error: 'cut off' }],
    ]]);
  });

  it('announces nothing any more once it leaves', () => {
    assert.deepEqual(leaving().on(role('draining')).underWay, ['leave']);
  });

  it('can reach every state, by every transition', () => {
    const { reached, all, untaken } = reachable(presenceMachine, {
      events: [STOP, role('leader'), role('follower')],
      answers: { announce: [undefined], leave: [undefined] },
      inputs: [INPUT],
      by: ({ changed, stopping, status }) => [changed, stopping, status.role],
      invariant: (state, { changed, stopping }, underWay) => {
        assert.deepEqual(
          underWay,
          { announcing: ['announce'], leaving: ['leave'] }[state] ?? [],
          'nothing is announced after the leave',
        );
        if (state === 'resting') assert.equal(changed, false, 'a new role does not rest');
        if (state === 'gathering') assert.equal(changed, true);
        if (state !== 'announcing') assert.equal(stopping, state === 'leaving' || state === 'gone');
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });
});

describe('presence, as an actor', () => {
  it('is heard every second, with the role of the moment', async () => {
    const clock = new SimClock();
    const announce = calls<void, Pick<Announcement, 'role' | 'transitions' | 'transition_count'>>();
    const leave = calls<void>();
    const actor = createActor(
      presenceMachine.provide({
        actors: { announce: announce.slot, leave: leave.slot },
        actions: { report: () => {} },
      }),
      { clock, input: { serverNowMs: () => clock.now() } },
    );
    actor.start();
    const roles = () => announce.list.map(({ input }) => input.role);
    await announce.last.answer();
    await clock.advance(999);
    assert.deepEqual(roles(), ['follower']);
    await clock.advance(1);
    assert.deepEqual(roles(), ['follower', 'follower']);
    actor.send(role('candidate'));
    actor.send(role('leader'));
    await announce.last.answer();
    await clock.advance(100);
    assert.deepEqual(roles(), ['follower', 'follower', 'leader']);
    actor.send(STOP);
    assert.deepEqual([announce.last.signal.aborted, leave.list.length], [false, 0]);
    await announce.last.answer();
    await clock.advance(5000);
    assert.equal(announce.list.length, 3);
    await leave.last.answer();
    assert.equal(actor.getSnapshot().status, 'done');
  });
});
