import assert from 'node:assert/strict';
import type { Announcement, Transition } from '../../../src/domain/membership/replica.ts';
import { announcement } from '../../support/replicas.ts';
import { at, eventually, LONG_MS, type Test } from '../support.ts';

const STEPS: Transition[] = [
  { at: at(1), from: 'follower', to: 'candidate', by: 'LEADER.DEAD' },
  { at: at(2), from: 'candidate', to: 'leader', by: 'acquired' },
  { at: at(3), from: 'leader', to: 'follower', by: 'TRUST.OVER' },
];

/** What a replica announces that has made the first `steps` transitions. */
function entry(id: string, boot: string, steps = 0): Announcement {
  const transitions = STEPS.slice(0, steps);
  const role = (transitions.at(-1)?.to ?? 'follower') as Announcement['role'];
  return announcement(id, { boot, role, transitions, transition_count: steps });
}

/** An announcement as it is listed, but for when it was. */
function listed({ transition_count: _, ...rest }: Announcement) {
  return { ...rest, lost_at: null };
}

export function presenceCases(test: Test): void {
  test('lists the replicas that were seen, by id, each life of them once', async (store) => {
    await store.presence.announce(entry('b', 'boot-b'));
    await store.presence.announce(entry('a', 'boot-a1'));
    await store.presence.announce(entry('a', 'boot-a2'));
    await store.presence.announce(entry('b', 'boot-b', 2));
    const replicas = await store.presence.list(LONG_MS);
    const { serverNowMs } = await store.lease.read();
    for (const { last_seen } of replicas) assert.ok(serverNowMs - last_seen.getTime() < LONG_MS);
    const expected = [entry('a', 'boot-a1'), entry('a', 'boot-a2'), entry('b', 'boot-b', 2)];
    assert.deepEqual(replicas.map(({ last_seen: _, ...replica }) => replica), expected.map(listed));
    await store.presence.leave('boot-a1');
    await store.presence.leave('nobody');
    assert.deepEqual((await store.presence.list(LONG_MS)).map(({ boot }) => boot), ['boot-a2', 'boot-b']);
  });

  test('knows the places in use as of the last heartbeat', async (store) => {
    for (const used of [0, 3]) {
      await store.presence.announce({ ...entry('a', 'boot-a'), places: { used, max: 500 } });
      assert.deepEqual((await store.presence.list(LONG_MS))[0]?.places, { used, max: 500 });
    }
  });

  test('leaves out who was not seen for long', async (store) => {
    await store.presence.announce(entry('a', 'boot-a'));
    await eventually(async () => (await store.presence.list(50)).length === 0 || null);
    assert.equal((await store.presence.list(LONG_MS)).length, 1);
  });

  test('notes who is lost, with its last heartbeat, until it is seen again', async (store) => {
    await store.presence.announce(entry('a', 'boot-a'));
    await store.presence.sweep({ lostAfterMs: LONG_MS, goneAfterMs: LONG_MS });
    const [seen] = await store.presence.list(LONG_MS);
    assert.equal(seen?.lost_at, null);
    const lost = await eventually(async () => {
      await store.presence.sweep({ lostAfterMs: 20, goneAfterMs: LONG_MS });
      const [replica] = await store.presence.list(LONG_MS);
      return replica?.lost_at ? replica : null;
    });
    assert.deepEqual([lost.lost_at, lost.last_seen], [seen.last_seen, seen.last_seen]);
    await store.presence.announce(entry('a', 'boot-a'));
    const [found] = await store.presence.list(LONG_MS);
    assert.equal(found?.lost_at, null);
    assert.ok(found.last_seen > seen.last_seen);
  });

  test('takes away who is lost for too long, and takes it back if it comes', async (store) => {
    await store.presence.announce(entry('a', 'boot-a', 1));
    await eventually(async () => {
      await store.presence.sweep({ lostAfterMs: 10, goneAfterMs: 20 });
      return (await store.presence.list(LONG_MS)).length === 0 || null;
    });
    await store.presence.announce(entry('a', 'boot-a', 2));
    const [back] = await store.presence.list(LONG_MS);
    assert.deepEqual([back?.lost_at, back?.role], [null, 'leader']);
  });
}
