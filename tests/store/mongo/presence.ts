/** Heartbeats and sweeps at the same time. */
import assert from 'node:assert/strict';
import { failCommand } from '../mongoDatabase.ts';
import { announcement } from '../../support/replicas.ts';
import { LONG_MS } from '../support.ts';
import { CLAIMER, type MongoTest } from './support.ts';

export function mongoPresenceCases(test: MongoTest): void {
  test('a replica that is seen while it is swept away stays', async (store, { name, raw }) => {
    await store.presence.announce(announcement('a', { boot: 'a' }));
    const replicas = raw.db(name).collection<{ _id: string; last_seen: Date }>('replicas');
    await replicas.updateOne({ _id: 'a' }, { $set: { last_seen: new Date(0) } });
    // The sweep has found it, and is held up before it writes.
    const { entered, off } = await failCommand(raw, { times: 1 }, {
      appName: CLAIMER,
      failCommands: ['update', 'bulkWrite'],
      blockConnection: true,
      blockTimeMS: 300,
    });
    const swept = store.presence.sweep({ lostAfterMs: 3000, goneAfterMs: 60_000 });
    await entered(1);
    await replicas.updateOne({ _id: 'a' }, { $set: { last_seen: new Date() } });
    await swept;
    await off();
    const [replica] = await store.presence.list(LONG_MS);
    assert.deepEqual([replica?.boot, replica?.lost_at], ['a', null]);
  });
}
