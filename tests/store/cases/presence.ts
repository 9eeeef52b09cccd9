import assert from 'node:assert/strict';
import type { Role } from '../../../src/domain/replica.ts';
import { eventually, LONG_MS, type Test } from '../support.ts';

function entry(id: string, boot: string, role: Role = 'follower') {
  return { id, boot, role, address: `http://${id}`, version: '1', started_at: new Date(1) };
}

export function presenceCases(test: Test): void {
  test('lists the replicas that were seen, by id, each life of them once', async (store) => {
    await store.presence.announce(entry('b', 'boot-b'));
    await store.presence.announce(entry('a', 'boot-a1'));
    await store.presence.announce(entry('a', 'boot-a2'));
    await store.presence.announce(entry('b', 'boot-b', 'leader'));
    const replicas = await store.presence.list(LONG_MS);
    const { serverNowMs } = await store.lease.read();
    for (const { last_seen } of replicas) assert.ok(serverNowMs - last_seen.getTime() < LONG_MS);
    const expected = [entry('a', 'boot-a1'), entry('a', 'boot-a2'), entry('b', 'boot-b', 'leader')];
    assert.deepEqual(replicas.map(({ last_seen: _, ...replica }) => replica), expected);
    await store.presence.leave('boot-a1');
    await store.presence.leave('nobody');
    assert.deepEqual((await store.presence.list(LONG_MS)).map(({ boot }) => boot), ['boot-a2', 'boot-b']);
  });

  test('leaves out who was not seen for long', async (store) => {
    await store.presence.announce(entry('a', 'boot-a'));
    await eventually(async () => (await store.presence.list(50)).length === 0 || null);
    assert.equal((await store.presence.list(LONG_MS)).length, 1);
  });
}
