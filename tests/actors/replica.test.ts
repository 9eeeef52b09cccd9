import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { replicaMachine } from '../../src/actors/replica.ts';
import { reachable } from '../support/machines/reachable.ts';
import { walk } from '../support/machines/walk.ts';
import { input, LEADER, LOADED, STOP, STOPPED } from './replicaSetup.ts';

const PROGRESS = { type: 'MIRROR.PROGRESS' as const, throughMs: 5 };
const OUTCOMES_DONE = { type: 'xstate.done.actor.outcomes' as const };
const PRESENCE_DONE = { type: 'xstate.done.actor.presence' as const };
const connecting = () => walk(replicaMachine, input());
const standingBy = () => connecting().on(LOADED);
const resigning = () => standingBy().on(STOP);
const finishing = () => resigning().on(STOPPED);
const recording = () => finishing().answers('runsEnded');
const leaving = () => recording().on(OUTCOMES_DONE);

describe('replica', () => {
  it('starts with the mirror, the scheduler and the recorder of outcomes, and takes no part in the election', () => {
    const it = connecting();
    assert.deepEqual([it.state, it.does], ['connecting', [
      'start scheduler',
      'start adoption',
      'start mirror',
      'start termHistory',
      'start outcomes',
    ]]);
  });

  it('stands by, and executes, once its mirror is loaded: the scheduler knows it before the election begins', () => {
    const it = standingBy();
    assert.deepEqual([it.state, it.does], ['standingBy', [
      ['send scheduler', LOADED],
      'start presence',
      'start executor',
      'start cancellation',
      'start election',
    ]]);
    assert.deepEqual(it.on(LOADED).does, [['send scheduler', LOADED]], 'no second election');
  });

  it('passes on what its actors tell one another, in every state', () => {
    const lost = { type: 'LEASE.LOST' };
    const stoodDown = { type: 'SCHEDULER.STOOD_DOWN' };
    for (const make of [standingBy, resigning, finishing, recording, leaving]) {
      assert.deepEqual(make().on(PROGRESS).does, [['send scheduler', PROGRESS]]);
      assert.deepEqual(make().on(lost).does, [
        ['send scheduler', lost],
        ['send executor', lost],
        ['send adoption', lost],
      ]);
      for (const type of ['RUNS.AVAILABLE', 'RUNS.FREED', 'RUNS.CANCELLED']) {
        assert.deepEqual(make().on({ type }).does, [
          ['send executor', { type }],
          ['send cancellation', { type }],
        ]);
      }
      assert.deepEqual(make().on(stoodDown).does, [['send election', stoodDown]]);
    }
    assert.deepEqual(connecting().on(PROGRESS).does, [['send scheduler', PROGRESS]]);
  });

  it('announces a new role, and logs what the election tells', () => {
    const it = standingBy().on(LEADER);
    assert.deepEqual(it.does, [['log', LEADER], ['send presence', {
      type: 'ROLE',
      role: 'leader',
      by: 'acquired',
    }]]);
    assert.equal(it.context.role, 'leader');
    const ended = { type: 'ELECTION.ENDED', term: 3, by: 'fenced' };
    assert.deepEqual(it.on(ended).does, [['log', ended]]);
  });

  it('drains in order: the lease, the runs, the outcomes, the leave; and takes no more runs from the beginning', () => {
    const it = resigning();
    assert.deepEqual([it.state, it.does], ['draining.resigning', [
      ['send election', STOP],
      ['send executor', STOP],
    ]]);
    it.on(STOPPED);
    assert.deepEqual([it.state, it.context.role], ['draining.finishing', 'draining']);
    assert.deepEqual(it.does, [
      ['send presence', { type: 'ROLE', role: 'draining', by: 'released' }],
      'after 5000',
      'start runsEnded',
    ]);
    it.answers('runsEnded');
    assert.deepEqual([it.state, it.does], ['draining.recording', [['send outcomes', STOP], 'after 3000']]);
    it.on(OUTCOMES_DONE);
    assert.deepEqual([it.state, it.does], ['draining.leaving', [['send presence', STOP], 'after 3000']]);
    assert.equal(it.on(PRESENCE_DONE).state, 'stopped');
  });

  it('gives up what takes too long, and says so', () => {
    const message = (it: ReturnType<typeof walk>) => it.does.find((deed) => deed[0] === 'report')?.[1];
    const it = finishing().after('grace');
    assert.equal(it.state, 'draining.recording');
    assert.deepEqual(message(it), { message: 'the grace period is over; runs that go on are given up' });
    it.after('lastWords');
    assert.equal(it.state, 'draining.leaving');
    assert.deepEqual(message(it), { message: 'the store does not answer; the last outcomes are given up' });
    assert.equal(it.after('lastWords').state, 'stopped');
  });

  it('stops at once when it is not connected yet', () => {
    assert.equal(connecting().on(STOP).state, 'stopped');
  });

  it('is not disturbed by a second STOP, or by anything that comes out of its turn', () => {
    const states = [resigning, finishing, recording, leaving];
    for (const make of states) assert.equal(make().on(STOP).state, make().state);
    for (const make of states.slice(1)) assert.equal(make().on(STOPPED).state, make().state);
    for (const make of [resigning, finishing]) assert.equal(make().on(OUTCOMES_DONE).state, make().state);
  });

  it('can reach every state, by every transition', () => {
    const fromElection = [
      ...[STOPPED, LEADER],
      { type: 'ELECTION.BEGAN', acquisition: {} },
      { type: 'ELECTION.ENDED', term: 1, by: 'fenced' },
      { type: 'LEASE.LOST' },
      // In answer to it.
      { type: 'SCHEDULER.STOOD_DOWN' },
      { type: 'RUNS.AVAILABLE' },
    ];
    const { reached, all, untaken } = reachable(replicaMachine, {
      inputs: [input()],
      events: (underWay) => [
        ...[LOADED, PROGRESS, STOP, OUTCOMES_DONE, PRESENCE_DONE],
        ...(underWay.includes('election') ? fromElection : []),
      ],
      answers: { runsEnded: [undefined] },
      unfailing: ['runsEnded'],
      invariant: (state, _context, underWay) => {
        const has = (src: string) => underWay.includes(src);
        if (state === 'connecting') {
          assert.ok(!has('election') && !has('presence') && !has('executor'), 'no election without a mirror');
        } else if (state !== 'stopped') {
          for (const src of ['election', 'presence', 'executor', 'cancellation']) assert.ok(has(src), src);
        }
        for (const src of ['mirror', 'scheduler', 'adoption', 'outcomes', 'termHistory']) {
          assert.ok(has(src), src);
        }
        assert.equal(has('runsEnded'), state === 'draining.finishing');
      },
    });
    assert.deepEqual(reached, all);
    assert.deepEqual(untaken, []);
  });
});
