import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AnyActorRef, type AnyEventObject, createActor, createMachine, sendParent } from 'xstate';
import type { adoptionMachine } from '../../src/actors/runs/adoption.ts';
import type { electionMachine } from '../../src/actors/leadership/election.ts';
import { JobPool } from '../../src/actors/runs/jobs.ts';
import type { mirrorMachine } from '../../src/actors/schedules/mirror.ts';
import type { outcomesMachine } from '../../src/actors/runs/outcomes.ts';
import type { presenceMachine } from '../../src/actors/membership/presence.ts';
import { type ReplicaInput, replicaMachine } from '../../src/actors/replica.ts';
import type { schedulerMachine } from '../../src/actors/firing/scheduler.ts';
import { Progress } from '../../src/domain/firing/progress.ts';
import { DueQueue } from '../../src/domain/firing/dueQueue.ts';
import type { termHistoryMachine } from '../../src/actors/leadership/termHistory.ts';
import type { Acquisition } from '../../src/domain/leadership/lease.ts';
import { calls, reachable, walk } from '../support/machines.ts';
import { SimClock } from '../support/simClock.ts';

const STOP = { type: 'STOP' as const };
const MARK = { claimedThroughMs: 0, mirroredThroughMs: 0 };
const LOADED = { type: 'MIRROR.LOADED' as const, schedules: [], mark: MARK };
const PROGRESS = { type: 'MIRROR.PROGRESS' as const, throughMs: 5 };
const STOPPED = { type: 'ELECTION.STOPPED' as const, by: 'released' };
const LEADER = { type: 'ELECTION.ROLE' as const, role: 'leader' as const, by: 'acquired' };
const OUTCOMES_DONE = { type: 'xstate.done.actor.outcomes' as const };
const PRESENCE_DONE = { type: 'xstate.done.actor.presence' as const };

function input(): ReplicaInput {
  return {
    graceMs: 5000,
    election: {
      me: { holder: 'r1', boot: 'b1', address: 'http://r1' },
      timing: { durationMs: 3000, retryMs: 300, marginMs: 500 },
      random: () => 0.5,
      monotonicMs: () => 0,
    },
    scheduler: {
      progress: new Progress(),
      jobs: {} as JobPool,
      replica: 'r1',
      boot: 'b1',
      leaseDurationMs: 3000,
      serverNowMs: () => 0,
      monotonicMs: () => 0,
      isTrusted: () => true,
      onSetAside: () => {},
    },
    adoption: {
      queue: new DueQueue(),
      jobs: {} as JobPool,
      replica: 'r1',
      boot: 'b1',
      serverNowMs: () => 0,
      monotonicMs: () => 0,
      clockSetMs: () => -Infinity,
      isTrusted: () => true,
    },
    presence: { serverNowMs: () => 0 },
  };
}

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

  it('stands by once its mirror is loaded: the scheduler knows it before the election begins', () => {
    const it = standingBy();
    assert.deepEqual([it.state, it.does], ['standingBy', [
      ['send scheduler', LOADED],
      'start presence',
      'start election',
    ]]);
    assert.deepEqual(it.on(LOADED).does, [['send scheduler', LOADED]], 'no second election');
  });

  it('passes on what its actors tell one another, in every state', () => {
    const lost = { type: 'LEASE.LOST' };
    const stoodDown = { type: 'SCHEDULER.STOOD_DOWN' };
    for (const make of [standingBy, resigning, finishing, recording, leaving]) {
      assert.deepEqual(make().on(PROGRESS).does, [['send scheduler', PROGRESS]]);
      assert.deepEqual(make().on(lost).does, [['send scheduler', lost], ['send adoption', lost]]);
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

  it('drains in order: the lease, the runs, the outcomes, the leave', () => {
    const it = resigning();
    assert.deepEqual([it.state, it.does], ['draining.resigning', [['send election', STOP]]]);
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
          assert.ok(!has('election') && !has('presence'), 'no election without a mirror');
        } else if (state !== 'stopped') assert.ok(has('election') && has('presence'));
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

/** The replica with actors that only take note of what they are told, and speak when the test says so. */
function running() {
  const clock = new SimClock();
  const notes: string[] = [];
  const runsEnded = calls<void>();
  /** Sends on what it gets in `TELL`, and ends at `END`. */
  const stub = (id: string) =>
    createMachine({
      types: { events: {} as AnyEventObject },
      entry: () => void notes.push(`${id} begins`),
      initial: 'on',
      states: {
        on: {
          on: {
            TELL: { actions: sendParent(({ event }) => event.what as AnyEventObject) },
            END: 'end',
            '*': { actions: ({ event }) => void notes.push(`${id} ← ${event.type}`) },
          },
        },
        end: { type: 'final' },
      },
    }) as unknown;
  const actor = createActor(
    replicaMachine.provide({
      actors: {
        mirror: stub('mirror') as typeof mirrorMachine,
        scheduler: stub('scheduler') as typeof schedulerMachine,
        adoption: stub('adoption') as typeof adoptionMachine,
        election: stub('election') as typeof electionMachine,
        outcomes: stub('outcomes') as typeof outcomesMachine,
        presence: stub('presence') as typeof presenceMachine,
        termHistory: stub('termHistory') as typeof termHistoryMachine,
        runsEnded: runsEnded.slot,
      },
      actions: {
        report: (_, { message }) => void notes.push(message),
        log: (_, { type }) => void notes.push(`log ${type}`),
        giveUpRuns: () => void notes.push('give up runs'),
      },
    }),
    { clock, input: input() },
  );
  actor.start();
  const child = (id: string) =>
    (actor.getSnapshot().children as Record<string, AnyActorRef | undefined>)[id] as AnyActorRef;
  return {
    clock,
    actor,
    runsEnded,
    /** What happened since the last look. */
    notes: () => notes.splice(0),
    says: (id: string, what: AnyEventObject) => child(id).send({ type: 'TELL', what }),
    ends: (id: string) => child(id).send({ type: 'END' }),
  };
}

describe('replica, as an actor', () => {
  it('drains in order, each step when the one before is done', async () => {
    const { clock, actor, runsEnded, notes, says, ends } = running();
    assert.deepEqual(notes(), [
      'scheduler begins',
      'adoption begins',
      'mirror begins',
      'termHistory begins',
      'outcomes begins',
    ]);
    says('mirror', LOADED);
    assert.deepEqual(notes(), ['scheduler ← MIRROR.LOADED', 'presence begins', 'election begins']);
    says('election', { type: 'ELECTION.BEGAN', acquisition: {} as Acquisition });
    says('election', LEADER);
    assert.deepEqual(notes(), [
      'log ELECTION.BEGAN',
      'termHistory ← WON',
      'log ELECTION.ROLE',
      'presence ← ROLE',
    ]);
    actor.send(STOP);
    assert.deepEqual(notes(), ['election ← STOP']);
    says('election', { type: 'LEASE.ENDING' });
    says('scheduler', { type: 'SCHEDULER.STOOD_DOWN' });
    assert.deepEqual(notes(), [
      'scheduler ← LEASE.ENDING',
      'adoption ← LEASE.ENDING',
      'election ← SCHEDULER.STOOD_DOWN',
    ]);
    assert.equal(runsEnded.list.length, 0);
    says('election', STOPPED);
    ends('election');
    assert.deepEqual(notes(), ['presence ← ROLE']);
    await clock.advance(4999);
    assert.deepEqual(notes(), []);
    await runsEnded.last.answer();
    assert.deepEqual(notes(), ['outcomes ← STOP']);
    ends('outcomes');
    assert.deepEqual(notes(), ['presence ← STOP']);
    assert.equal(actor.getSnapshot().status, 'active');
    ends('presence');
    assert.equal(actor.getSnapshot().status, 'done');
    await clock.advance(10_000);
    assert.deepEqual([notes(), clock.timers], [[], 0]);
  });

  it('ends in bounded time, whatever is never done: the grace period, and 3 s each for outcomes and leave', async () => {
    const { clock, actor, runsEnded, notes, says } = running();
    says('mirror', LOADED);
    actor.send(STOP);
    says('election', STOPPED);
    notes();
    await clock.advance(4999);
    assert.deepEqual(notes(), []);
    await clock.advance(1);
    assert.deepEqual(notes(), [
      'the grace period is over; runs that go on are given up',
      'give up runs',
      'outcomes ← STOP',
    ]);
    await runsEnded.last.answer();
    await clock.advance(2999);
    assert.deepEqual(notes(), []);
    await clock.advance(1);
    assert.deepEqual(notes(), [
      'the store does not answer; the last outcomes are given up',
      'presence ← STOP',
    ]);
    await clock.advance(2999);
    assert.equal(actor.getSnapshot().status, 'active');
    await clock.advance(1);
    assert.equal(actor.getSnapshot().status, 'done');
  });

  it('stops while connecting, and everything with it', async () => {
    const { clock, actor, notes } = running();
    const mirror = actor.getSnapshot().children.mirror;
    notes();
    actor.send(STOP);
    assert.deepEqual([actor.getSnapshot().status, mirror?.getSnapshot().status], ['done', 'stopped']);
    await clock.advance(10_000);
    assert.deepEqual(notes(), [], 'nothing had been begun that has to be ended');
  });
});
