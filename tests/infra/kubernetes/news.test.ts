import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ElectionNews } from '../../../src/actors/leadership/electionEvents.ts';
import type { Acquisition, Lease } from '../../../src/domain/leadership/lease.ts';
import { LeadershipEvents } from '../../../src/infra/kubernetes/leadershipEvents.ts';
import { kubernetesNews } from '../../../src/infra/kubernetes/news.ts';
import { heldLease } from '../../support/leases.ts';
import { rest } from '../../../harness/sim/clock.ts';
import { FakeKubernetes, ME, refused, replicaIn } from './fake.ts';

const T0 = Date.UTC(2030, 0, 1);

/** The term began 40 ms after the one before was released. */
function began(term: number, more: Partial<Lease> = {}): ElectionNews {
  const releasedMs = T0 + 1000;
  const previous = heldLease('hascheduler-b', term - 1, T0, {
    released_at: new Date(releasedMs),
    expires_at: new Date(releasedMs),
  });
  const acquisition: Acquisition = { previous, lease: heldLease(ME, term, releasedMs + 40, more) };
  return { type: 'ELECTION.BEGAN', acquisition };
}

const ended = (term: number, by: 'released' | 'expired' = 'released'): ElectionNews => (
  { type: 'ELECTION.ENDED', term, by }
);

describe('Events of leadership', () => {
  it('say who leads, since when, and how it ended, in order', async () => {
    const api = new FakeKubernetes();
    const { deps } = replicaIn(api);
    const events = new LeadershipEvents(deps);
    events.publish({ type: 'ELECTION.ROLE', role: 'leader', by: 'acquired' });
    events.publish(began(7));
    events.publish(ended(7));
    events.publish(began(9, { began_by: 'pre-empted' }));
    events.publish(ended(9, 'expired'));
    await events.idle();
    assert.deepEqual(api.events.map(({ type, reason, note }) => [type, reason, note]), [
      ['Normal', 'LeadershipAcquired', `${ME} leads with term 7, after 40 ms without a leader`],
      ['Normal', 'LeadershipReleased', `${ME} no longer leads: its term 7 has ended (released)`],
      [
        'Normal',
        'LeadershipPreempted',
        `${ME} leads with term 9, after 40 ms without a leader: the leader before it was gone`,
      ],
      ['Warning', 'LeadershipLost', `${ME} no longer leads: its term 9 has ended (expired)`],
    ]);
    assert.deepEqual(new Set(api.events.map(({ pod }) => pod.uid)), new Set([`uid-${ME}`]));
  });

  it('are made once, also when the answer to the first try was lost', async () => {
    const api = new FakeKubernetes();
    const { deps, clock, lines } = replicaIn(api);
    const create = api.createEvent.bind(api);
    let lost = 0;
    api.createEvent = async (event) => {
      await create(event);
      if (lost++ === 0) throw new Error('socket hang up');
    };
    const events = new LeadershipEvents(deps);
    events.publish(began(7));
    await clock.advance(1000);
    await events.idle();
    assert.equal(api.events.length, 1);
    assert.deepEqual(lines, []);
  });

  it('wait in a queue of twenty, which drops the oldest', async () => {
    const api = new FakeKubernetes();
    const { deps, clock } = replicaIn(api);
    api.before = refused(500);
    const events = new LeadershipEvents(deps);
    events.publish(ended(1));
    await rest();
    for (let term = 2; term <= 31; term++) events.publish(ended(term));
    api.before = () => {};
    await clock.advance(60_000);
    await events.idle();
    const terms = api.events.map(({ name }) => Number(/term-(\d+)/.exec(name)?.[1]));
    assert.deepEqual(terms, [1, ...Array.from({ length: 20 }, (_, i) => 12 + i)]);
  });

  it('are off for good without the permission, after one line', async () => {
    const api = new FakeKubernetes();
    const { deps, lines } = replicaIn(api);
    api.before = (call) => {
      if (call.startsWith('event')) refused(403)();
    };
    const events = new LeadershipEvents(deps);
    events.publish(began(7));
    events.publish(ended(7));
    await events.idle();
    events.publish(began(8));
    await events.idle();
    assert.equal(api.calls.filter((call) => call.startsWith('event')).length, 1);
    assert.deepEqual(lines, ['info this pod may not create Events; nothing else is affected']);
  });
});

describe('news for Kubernetes', () => {
  it('take the label that an earlier process of the pod has left', async () => {
    const api = new FakeKubernetes();
    const { deps } = replicaIn(api);
    api.add(ME, { 'hascheduler.dev/role': 'leader' }, { 'hascheduler.dev/term': '3' });
    await kubernetesNews(() => Promise.resolve(api), deps).close(1000);
    assert.deepEqual(api.labelled, []);
  });

  it('are sent in order once the API is reachable', async () => {
    const api = new FakeKubernetes();
    const { deps } = replicaIn(api);
    let connect = (_: FakeKubernetes) => {};
    const news = kubernetesNews(() => new Promise((resolve) => connect = resolve), deps);
    news.publish(began(7));
    news.publish(ended(7));
    news.publish(began(9));
    connect(api);
    await news.close(1000);
    assert.deepEqual(api.labelled, [[ME, '9']]);
    assert.deepEqual(api.events.map(({ name }) => name), [
      `${ME}.term-7-began`,
      `${ME}.term-7-ended`,
      `${ME}.term-9-began`,
    ]);
  });

  it('are not sent outside a cluster', async () => {
    const { deps, lines } = replicaIn(new FakeKubernetes());
    const news = kubernetesNews(() => Promise.resolve(null), deps);
    news.publish(began(7));
    await news.close(1000);
    assert.deepEqual(lines, []);
  });

  it('are given up, with a line, when the client can’t be had', async () => {
    const { deps, lines } = replicaIn(new FakeKubernetes());
    const news = kubernetesNews(() => Promise.reject(new Error('no such module')), deps);
    news.publish(began(7));
    await news.close(1000);
    assert.deepEqual(lines, ['warn the Kubernetes API can’t be used; the replica works without it']);
  });

  it('don’t hold up the end for longer than they may', async () => {
    const api = new FakeKubernetes();
    const { deps, clock } = replicaIn(api);
    api.before = () => new Promise(() => {});
    const closed = kubernetesNews(() => Promise.resolve(api), deps).close(1000);
    await clock.advance(1000);
    await closed;
  });
});
