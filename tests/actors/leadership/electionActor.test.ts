import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EventFromLogic, fromCallback } from 'xstate';
import { electionMachine } from '../../../src/actors/leadership/election.ts';
import type { LeaderEvent } from '../../../src/actors/leadership/electionSetup.ts';
import type {
  Acquisition,
  Candidate,
  DeadGrant,
  Grant,
  Lease,
  LeaseReading,
  ReleasedBy,
} from '../../../src/domain/leadership/lease.ts';
import { calls, underParent } from '../../support/machines/actors.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import {
  ASKED,
  FREE,
  GOT,
  HELD,
  HINT,
  INPUT,
  MARK,
  ME,
  MINE,
  RENEWED,
  T,
  THEIRS,
  WON,
} from './electionSetup.ts';

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
    ...{ clock, read, acquire, renew, release, reports, watches, followed },
    leaderDead: () => sends.dead?.(),
    hint: () => sends.HINT?.(),
    trustOver: () => sends['TRUST.OVER']?.(),
    trustEnded: () => trustEnded,
    /** Acquires the lease, and discards the messages of that. */
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
    assert.equal(it.leaderDead(), undefined, 'a leader watches no other replica');
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
    assert.equal(it.read.list.length, 1, 'another replica has the head start');
    await it.clock.advance(1);
    await it.read.last.answer(HELD);
    assert.deepEqual([it.machine.state, it.followed], ['follower.watching', [7]]);
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
