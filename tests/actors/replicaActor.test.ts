import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AnyActorRef, type AnyEventObject, createActor, createMachine, sendParent } from 'xstate';
import type { adoptionMachine } from '../../src/actors/runs/adoption.ts';
import type { cancellationMachine } from '../../src/actors/runs/cancellation.ts';
import type { executorMachine } from '../../src/actors/runs/executor.ts';
import type { electionMachine } from '../../src/actors/leadership/election.ts';
import type { mirrorMachine } from '../../src/actors/schedules/mirror.ts';
import type { outcomesMachine } from '../../src/actors/runs/outcomes.ts';
import type { presenceMachine } from '../../src/actors/membership/presence.ts';
import { replicaMachine } from '../../src/actors/replica.ts';
import type { schedulerMachine } from '../../src/actors/firing/scheduler.ts';
import type { termHistoryMachine } from '../../src/actors/leadership/termHistory.ts';
import type { Acquisition } from '../../src/domain/leadership/lease.ts';
import { calls } from '../support/machines/actors.ts';
import { SimClock } from '../../harness/sim/clock.ts';
import { input, LEADER, LOADED, STOP, STOPPED } from './replicaSetup.ts';

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
        executor: stub('executor') as typeof executorMachine,
        cancellation: stub('cancellation') as typeof cancellationMachine,
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
    assert.deepEqual(notes(), [
      'scheduler ← MIRROR.LOADED',
      'presence begins',
      'executor begins',
      'cancellation begins',
      'election begins',
    ]);
    says('scheduler', { type: 'RUNS.AVAILABLE' });
    assert.deepEqual(notes(), ['executor ← RUNS.AVAILABLE', 'cancellation ← RUNS.AVAILABLE']);
    says('election', { type: 'ELECTION.BEGAN', acquisition: {} as Acquisition });
    says('election', LEADER);
    assert.deepEqual(notes(), [
      'log ELECTION.BEGAN',
      'termHistory ← WON',
      'log ELECTION.ROLE',
      'presence ← ROLE',
    ]);
    actor.send(STOP);
    assert.deepEqual(notes(), ['election ← STOP', 'executor ← STOP']);
    says('election', { type: 'LEASE.ENDING' });
    says('scheduler', { type: 'SCHEDULER.STOOD_DOWN' });
    assert.deepEqual(notes(), [
      'scheduler ← LEASE.ENDING',
      'executor ← LEASE.ENDING',
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
