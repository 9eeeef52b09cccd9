/** The lease on a real server: sessions left behind by dead leaders, and documents that are deleted. */
import assert from 'node:assert/strict';
import type { Binary } from 'mongodb';
import { LeaseMissing, StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { failCommand } from '../mongoDatabase.ts';
import { NO_MARK } from '../../support/leases.ts';
import { batch, candidate, committed, lead, LONG_MS, request } from '../support.ts';
import { CLAIMER, leasesOf, type MongoTest, ready } from './support.ts';

export function mongoLeaseCases(test: MongoTest): void {
  test(
    'a transaction that a dead leader left open does not block its successor',
    async (store, { name, raw }) => {
      await lead(store, 'dead', 1);
      const leases = leasesOf({ raw, name });
      const session = raw.startSession();
      const lsid = session.id?.id as Binary;
      await leases.updateOne({ _id: 'leader' }, { $set: { session: lsid } });
      session.startTransaction();
      await leases.updateOne({ _id: 'leader' }, { $inc: { barrier: 1 } }, { session });
      const { lease } = await lead(store, 'next');
      assert.equal(lease.term, 2);
      await assert.rejects(session.commitTransaction(), { codeName: 'NoSuchTransaction' });
      await session.endSession();
    },
  );

  for (const settled of [true, false]) {
    const names = settled
      ? 'names no session when its claims are settled'
      : 'still names the session when one may not be';
    test(`a lease that is given back ${names}`, async (store, database) => {
      const { grant, schedule, runs } = await ready(store);
      const claim = () => store.claims.claim(batch(grant, [request(schedule, runs)], { durationMs: 300 }));
      if (settled) assert.equal((await claim()).kind, 'committed');
      else {
        const failing = await failCommand(database.raw, 'alwaysOn', {
          appName: CLAIMER,
          failCommands: ['commitTransaction'],
          writeConcernError: { code: 91, errmsg: 'shutting down' },
        });
        await assert.rejects(claim(), StoreUnavailable);
        await failing.off();
      }
      assert.equal(await store.lease.release(grant, 'released'), true);
      const leases = leasesOf(database);
      assert.equal((await leases.findOne({ _id: 'leader' }))?.session === null, settled);
      assert.equal((await lead(database.connect(), 'next')).lease.term, 2);
    });
  }

  for (const settled of [true, false]) {
    const left = settled ? '' : ', with a claim left open,';
    test(
      `a lease that was given back${left} is free on a server whose clock is behind`,
      async (store, database) => {
        const { grant } = await lead(store, 'ahead');
        await store.lease.release(grant, 'released');
        const leases = leasesOf(database);
        const session = database.raw.startSession();
        const ahead = {
          expires_at: new Date(Date.now() + 60_000),
          released_at: new Date(Date.now() + 60_000),
        };
        const open = settled ? null : session.id?.id as Binary;
        await leases.updateOne({ _id: 'leader' }, { $set: { ...ahead, session: open } });
        const { lease } = await lead(database.connect(), 'next');
        assert.deepEqual([lease.holder, lease.term], ['next', 2]);
        await session.endSession();
      },
    );
  }

  test(
    'a lease that was given back, and taken since, is not taken again by mistake',
    async (store, { connect }) => {
      const other = connect();
      const { grant } = await lead(other, 'first');
      await other.lease.release(grant, 'released');
      const second = await lead(other, 'second');
      assert.equal(await store.lease.acquire(candidate('late'), LONG_MS, null), null, 'it is held');
      await other.lease.release(second.grant, 'released');
      const third = await lead(other, 'third');
      await other.lease.release(third.grant, 'released');
      const given = (await store.lease.read()).lease;
      const late = await store.lease.acquire(candidate('late'), LONG_MS, null);
      assert.deepEqual([late?.lease.term, late?.previous], [4, given]);
    },
  );

  test('says what was missing and is made, and nothing when all is there', async (store, { raw, name }) => {
    assert.deepEqual(await store.prepare(), []);
    await raw.db(name).dropDatabase();
    assert.deepEqual((await store.prepare()).sort(), [
      ...['backfills', 'leadership', 'replicas', 'runs'].map((each) => `indexes of ${each}`),
      ...['backfills', 'leadership', 'leases', 'replicas', 'runs', 'schedules', 'tallies'].map((each) =>
        `the collection ${each}`
      ),
      'the lease document',
    ]);
    await raw.db(name).collection('runs').dropIndex('expire_at_1');
    assert.deepEqual(await store.prepare(), ['indexes of runs']);
    assert.deepEqual(await store.prepare(), []);
  });

  test(
    'a lease document that is deleted goes on from what is known, and no old grant with it',
    async (store, database) => {
      const { grant, runs, schedule } = await ready(store);
      const { lease: known } = await store.lease.read();
      await leasesOf(database).deleteMany({});
      await assert.rejects(store.lease.read(), LeaseMissing);
      assert.equal(await store.lease.renew(grant, LONG_MS, NO_MARK), null);
      assert.deepEqual(await store.prepare(known), ['the lease document']);
      assert.equal(await store.lease.renew(grant, LONG_MS, NO_MARK), null);
      assert.equal((await store.claims.claim(batch(grant, [request(schedule, runs)]))).kind, 'fenced');
      const next = await lead(database.connect(), 'next');
      assert.deepEqual([next.lease.term, next.lease.watermark], [known.term + 1, known.watermark]);
    },
  );

  test(
    'a lease document that is deleted while no replica runs is above all terms, and behind the last run',
    async (store, database) => {
      const { grant, runs, schedule } = await ready(store);
      const past = runs.map((run, i) => {
        const scheduled_for = new Date(Date.now() - 60_000 * (i + 1));
        return {
          ...run,
          id: `${run.id}-past`,
          scheduled_for,
          since: scheduled_for,
          claimed_at: scheduled_for,
        };
      });
      const later = new Date(Date.now() + 3_600_000);
      // The clock has shown that and was set back; the other one was never due.
      const ahead = { ...past[0]!, id: 'ahead', scheduled_for: later, claimed_at: later };
      const odd = { ...past[0]!, id: 'odd', scheduled_for: new Date(later.getTime() + 3_600_000) };
      committed(await store.claims.claim(batch(grant, [request(schedule, [...past, ahead, odd])])));
      await leasesOf(database).deleteMany({});
      await database.connect().prepare();
      const { lease } = await store.lease.read();
      const newestMs = past[0]!.scheduled_for.getTime();
      assert.deepEqual([lease.term, lease.watermark.claimedThroughMs], [grant.term, newestMs - 60_000]);
      assert.deepEqual(lease.latest_at, later);
    },
  );

  test('a watch on the lease goes on when its collection goes', async (store, { name, raw }) => {
    const told: string[] = [];
    let wake = () => {};
    const tell = (what: string) => () => {
      told.push(what);
      wake();
    };
    const hint = tell('hint');
    const stop = store.lease.watch('me', (told) => told === 'changed' && hint(), tell('error'));
    const reach = async (count: number) => {
      while (told.length < count) await new Promise<void>((resolve) => wake = resolve);
    };
    await reach(1);
    await raw.db(name).dropCollection('leases');
    await reach(3);
    assert.deepEqual(told, ['hint', 'error', 'hint']);
    stop();
    await assert.rejects(store.lease.acquire(candidate('a'), LONG_MS, null), LeaseMissing);
  });
}
