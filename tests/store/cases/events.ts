import assert from 'node:assert/strict';
import type { OpenEvents } from '../../../src/actors/events/eventFeed.ts';
import type { Store } from '../../../src/actors/store.ts';
import type { ClusterEvent } from '../../../src/domain/events/event.ts';
import type { Term } from '../../../src/domain/leadership/term.ts';
import { lost, MAX_LOSSES } from '../../../src/domain/runs/life.ts';
import type { Announcement, Transition } from '../../../src/domain/membership/replica.ts';
import { everySpec } from '../../../harness/definitions.ts';
import {
  at,
  batch,
  claimed,
  create,
  eventually,
  lead,
  LONG_MS,
  outcomeOf,
  replace,
  request,
  SPEC,
  type Test,
} from '../support.ts';
import { understood } from '../../support/schedules.ts';

interface Told {
  position: string;
  event: ClusterEvent;
}

async function open(store: Store, after: string | null = null): Promise<OpenEvents> {
  const events = await store.events.open(after);
  assert.ok(events !== 'lost', `the history does not reach back to ${after}`);
  return events;
}

/** The next so many events. */
async function take(events: OpenEvents, count: number): Promise<Told[]> {
  const told: Told[] = [];
  while (told.length < count) {
    const step = await events.next();
    assert.ok(step !== 'lost', 'the stream was lost');
    if (step.event) told.push({ position: step.position, event: step.event });
  }
  return told;
}

/** In short. */
function story(told: readonly Told[]): string[] {
  return told.map(({ event }) => {
    switch (event.type) {
      case 'leader':
        return `leader ${event.leader} of ${event.boot} in ${event.term}: ${event.by}`;
      case 'leadership':
        return `term ${event.term.term} ${event.term.began_by}, ${event.term.ended_by}`;
      case 'replica':
        return `${event.replica.id} ${event.change}: ${event.transitions.map(({ to }) => to).join(' ')}`;
      case 'schedule':
        return `${event.id} ${event.change} ${
          event.schedule === null ? '' : understood(event.schedule).revision
        }`;
      case 'clock':
        return `the clock goes back from ${event.set_back.from.toISOString()}`;
      case 'run':
        return `${event.run.id} ${event.run.state}`;
    }
  });
}

const STEPS: Transition[] = [
  { at: at(1), from: 'follower', to: 'candidate', by: 'read' },
  { at: at(2), from: 'candidate', to: 'leader', by: 'acquired' },
];

function word(steps: number): Announcement {
  return {
    id: 'a',
    boot: 'boot-a',
    role: steps < 2 ? 'follower' : 'leader',
    address: 'http://a',
    version: '1',
    started_at: at(0),
    transitions: STEPS.slice(0, steps),
    transition_count: steps,
    lease_timing: null,
    places: null,
    warnings: [],
  };
}

export function eventCases(test: Test): void {
  test('tells how the lease changes hands, each time as it was', async (store) => {
    const events = await open(store);
    const { grant, lease } = await lead(store, 'a');
    await store.lease.renew(grant, LONG_MS, { claimedThroughMs: 1, mirroredThroughMs: 1 });
    await store.lease.release(grant, 'stepped down');
    const again = await lead(store, 'a');
    const candidate = { holder: 'b', boot: 'boot-b', address: 'http://b' };
    await store.lease.acquire(candidate, LONG_MS, { ...again.grant, diedAt: at(0) });
    const told = await take(events, 4);
    assert.deepEqual(story(told), [
      'leader a of boot-a in 1: acquired',
      'leader null of boot-a in 1: stepped down',
      'leader a of boot-a in 2: acquired',
      'leader b of boot-b in 3: pre-empted',
    ]);
    const [first] = told;
    assert.deepEqual(first?.event.type === 'leader' && first.event.at, lease.acquired_at);
  });

  test('tells what is written into the history of terms, as far as it is new', async (store) => {
    const events = await open(store);
    const first: Term = {
      term: 1,
      replica: 'a',
      boot: 'boot-a',
      began_at: at(1),
      began_by: 'acquired',
      ended_at: null,
      ended_by: null,
      gap_ms: null,
    };
    const { gap_ms: _, ...end } = { ...first, ended_at: at(5), ended_by: 'released' as const };
    const second = { ...first, term: 2, replica: 'b', boot: 'boot-b', began_at: at(6), gap_ms: 1000 };
    await store.leadership.record({ began: first, ended: null });
    await store.leadership.record({ began: second, ended: end });
    await store.leadership.record({ began: second, ended: end });
    await create(store, 'last');
    const told = await take(events, 4);
    assert.deepEqual(story(told).slice(1), [
      'term 1 acquired, released',
      'term 2 acquired, null',
      'last created 1',
    ]);
    assert.deepEqual(told[2]?.event, { type: 'leadership', term: second });
  });

  test('tells what becomes of a replica, and none of its heartbeats', async (store) => {
    const events = await open(store);
    await store.presence.announce(word(0));
    await store.presence.announce(word(0));
    await store.presence.announce(word(2));
    await store.presence.announce(word(2));
    await eventually(async () => {
      await store.presence.sweep({ lostAfterMs: 5, goneAfterMs: LONG_MS });
      return (await store.presence.list(LONG_MS))[0]?.lost_at ?? null;
    });
    await store.presence.sweep({ lostAfterMs: 5, goneAfterMs: LONG_MS });
    await store.presence.announce(word(2));
    await store.presence.leave('boot-a');
    const told = await take(events, 5);
    assert.deepEqual(story(told), [
      'a announced: ',
      'a role: candidate leader',
      'a lost: ',
      'a found: ',
      'a left: ',
    ]);
    const replicas = told.map(({ event }) => event.type === 'replica' ? event.replica : null);
    const { transition_count: _, ...said } = word(2);
    assert.deepEqual({ ...replicas[1], last_seen: null }, { ...said, last_seen: null, lost_at: null });
    assert.deepEqual(replicas[2]?.lost_at, replicas[2]?.last_seen);
    assert.deepEqual(replicas[4]?.boot, 'boot-a');
  });

  test('tells that what is wrong with a replica has changed, once', async (store) => {
    await store.presence.announce(word(0));
    const events = await open(store);
    const wrong = { ...word(0), warnings: ['its address is wrong'] };
    await store.presence.announce(wrong);
    await store.presence.announce(wrong);
    await store.presence.announce(word(0));
    await store.presence.leave('boot-a');
    const told = await take(events, 3);
    assert.deepEqual(story(told), ['a warnings: ', 'a warnings: ', 'a left: ']);
    const replicas = told.map(({ event }) => event.type === 'replica' ? event.replica : null);
    assert.deepEqual(replicas.map((replica) => replica?.warnings), [['its address is wrong'], [], []]);
  });

  test('tells who is gone for good', async (store) => {
    await store.presence.announce(word(2));
    const events = await open(store);
    await eventually(async () => {
      await store.presence.sweep({ lostAfterMs: LONG_MS, goneAfterMs: 5 });
      return (await store.presence.list(LONG_MS)).length === 0 || null;
    });
    const told = await take(events, 1);
    assert.deepEqual(story(told), ['a left: ']);
  });

  test('tells changes of schedules', async (store) => {
    await create(store, 'before');
    const events = await open(store);
    const created = await create(store, 'job');
    assert.deepEqual((await take(events, 1))[0]?.event, {
      type: 'schedule',
      change: 'created',
      id: 'job',
      schedule: created,
    });
    const changed = await replace(store, 'job', everySpec('5s'));
    assert.deepEqual((await take(events, 1))[0]?.event, {
      type: 'schedule',
      change: 'updated',
      id: 'job',
      schedule: changed,
    });
    await store.schedules.remove('job');
    assert.deepEqual((await take(events, 1))[0]?.event, {
      type: 'schedule',
      change: 'deleted',
      id: 'job',
      schedule: null,
    });
  });

  test('tells runs that have ended, and no others', async (store) => {
    const job = await create(store, 'job', SPEC);
    const { grant } = await lead(store, 'a');
    const events = await open(store);
    const runs = [
      claimed('job', 1, grant),
      claimed('job', 2, grant, {
        state: 'missed',
        reason: 'catch_up_window',
        attempt: 0,
        finished_at: at(9),
      }),
      claimed('job', 3, grant),
      claimed('job', 4, grant),
    ];
    await store.claims.claim(batch(grant, [request(job, runs)]));
    const [first, missed, third, fourth] = runs;
    assert.ok(first && missed && third && fourth);
    await store.runs.record([outcomeOf(third, { state: 'failed', error: 'no' })]);
    await store.runs.record([outcomeOf(third)]);
    await store.runs.change([lost({ ...fourth, losses: MAX_LOSSES }, at(9)), lost(first, at(9))]);
    await create(store, 'last');
    const told = await take(events, 4);
    assert.deepEqual(story(told), [
      `${missed.id} missed`,
      `${third.id} failed`,
      `${fourth.id} abandoned`,
      'last created 1',
    ]);
    assert.deepEqual(told[1]?.event, { type: 'run', run: await store.runs.get(third.id) });
  });

  test('goes on after any position, at any replica, with exactly what followed', async (store, connect) => {
    const events = await open(store);
    for (const id of ['a', 'b', 'c', 'd']) await create(store, id);
    const told = await take(events, 4);
    events.close();
    const other = connect();
    for (const [i, { position }] of told.entries()) {
      const rest = told.slice(i + 1);
      const replayed = await open(other, position);
      assert.equal(replayed.start, position);
      assert.deepEqual(await take(replayed, rest.length), rest);
      await create(store, `after-${i}`);
      const next = await take(replayed, 1 + i);
      assert.deepEqual(story(next).at(-1), `after-${i} created 1`);
      replayed.close();
    }
    const fromStart = await open(other, events.start);
    assert.deepEqual(await take(fromStart, 4), told);
    fromStart.close();
  });

  test('has positions that compare as strings in the order of the events', async (store) => {
    const events = await open(store);
    const positions = [events.start];
    for (let i = 0; i < 12; i++) {
      await create(store, `job-${i}`);
      positions.push(...(await take(events, 1)).map(({ position }) => position));
    }
    assert.deepEqual(positions.toSorted(), positions);
    assert.equal(new Set(positions).size, positions.length);
    const later = await open(store);
    assert.ok(later.start >= (positions.at(-1) as string));
    later.close();
  });

  test('moves on, and can be resumed, where nothing happens', async (store) => {
    const events = await open(store);
    const step = await events.next();
    assert.ok(step !== 'lost' && step.event === null);
    assert.ok(step.position >= events.start);
    const resumed = await open(store, step.position);
    await create(store, 'job');
    assert.deepEqual(story(await take(resumed, 1)), ['job created 1']);
  });

  for (
    const nonsense of [
      '',
      'x',
      '82',
      '82ff',
      '82'.repeat(40),
      'G'.repeat(64),
      '2030-01-01T00:00:00.000Z-000000000001',
    ]
  ) {
    test(`says that a position is none of its own: ${JSON.stringify(nonsense.slice(0, 30))}`, async (store) => {
      assert.equal(await store.events.open(nonsense), 'lost');
    });
  }
}
