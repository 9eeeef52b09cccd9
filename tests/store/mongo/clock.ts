/** A server's clock that is set back. */
import assert from 'node:assert/strict';
import type { ClusterEvent } from '../../../src/domain/events/event.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { announcement } from '../../support/replicas.ts';
import { NO_MARK } from '../../support/leases.ts';
import { batch, claimed, create, lead, LONG_MS, replace, request } from '../support.ts';
import { leasesOf, type MongoTest } from './support.ts';

export function mongoClockCases(test: MongoTest): void {
  test('a clock that was set back is noted with the lease, and told once', async (store, database) => {
    const { grant } = await lead(store, 'a');
    const events = await store.events.open(null);
    assert.ok(events !== 'lost');
    // As the lease is left by a renewal before.
    const ahead = new Date(Date.now() + 3_600_000);
    const future = { renewed_at: ahead, latest_at: ahead };
    await leasesOf(database).updateOne({ _id: 'leader' }, { $set: future });
    const before = (await store.lease.read()).serverNowMs;
    const renewed = await store.lease.renew(grant, LONG_MS, NO_MARK);
    assert.deepEqual([renewed?.set_back?.from, renewed?.latest_at], [ahead, ahead]);
    const to = renewed?.set_back?.to.getTime() ?? 0;
    assert.ok(to >= before && to < before + 10_000);
    assert.equal(renewed?.expires_at.getTime(), to + LONG_MS, 'it lasts by the clock as it is now');
    const again = await store.lease.renew(grant, LONG_MS, NO_MARK);
    assert.deepEqual(again?.set_back, renewed?.set_back);
    await create(store, 'last');
    const told: unknown[] = [];
    for (let event = null; event?.type !== 'schedule';) {
      const step = await events.next();
      assert.ok(step !== 'lost');
      event = step.event as ClusterEvent | null;
      if (event !== null && event.type !== 'schedule') told.push(event);
    }
    assert.deepEqual(told, [{ type: 'clock', set_back: renewed?.set_back }]);
    events.close();
  });

  test(
    'a change after the clock was set back is in force by the clock as it is',
    async (store, { name, raw }) => {
      const schedules = raw.db(name).collection<{ _id: string }>('schedules');
      const aheadMs = async (ms: number) => {
        const { serverNowMs } = await store.lease.read();
        const moment = new Date(serverNowMs + ms);
        await schedules.updateOne({ _id: 'job' }, { $set: { effective_from: moment, written_at: moment } });
        return { serverNowMs, moment };
      };
      await create(store, 'job', everySpec('1s'));
      const far = await aheadMs(3_600_000);
      const followed = await replace(store, 'job', everySpec('2s'));
      const sinceMs = followed.effective_from.getTime() - far.serverNowMs;
      assert.ok(sinceMs >= 0 && sinceMs < 10_000, `${sinceMs}`);
      assert.ok(followed.written_at >= followed.effective_from);
      assert.deepEqual(followed.superseded, [], 'the one before was never in force by this clock');
      const near = await aheadMs(900);
      const next = await replace(store, 'job', everySpec('3s'));
      assert.equal(
        next.effective_from.getTime(),
        near.moment.getTime() + 1,
        'a clock that is a little behind',
      );
    },
  );

  test(
    "a replica that died before the server's clock was set back is not seen until then",
    async (store, { name, raw }) => {
      const { grant } = await lead(store, 'dead');
      const runs = [claimed('job', 1, grant)];
      await store.claims.claim(batch(grant, [request(await create(store, 'job'), runs)]));
      for (const boot of ['boot-dead', 'alive']) {
        await store.presence.announce(announcement('a', { boot: boot }));
      }
      const replicas = raw.db(name).collection<{ _id: string; last_seen: Date }>('replicas');
      await replicas.updateMany({}, { $set: { last_seen: new Date(Date.now() + 3_600_000) } });
      await store.presence.announce(announcement('a', { boot: 'alive' }));
      assert.deepEqual((await store.presence.list(LONG_MS)).map(({ boot }) => boot), ['alive']);
      assert.deepEqual(await store.runs.orphans({ exceptBoot: 'alive', deadAfterMs: 5000, limit: 9 }), runs);
      await store.presence.sweep({ lostAfterMs: 3000, goneAfterMs: 60_000 });
      assert.deepEqual((await replicas.find().toArray()).map(({ _id }) => _id), ['alive']);
    },
  );
}
