import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Binary } from 'mongodb';
import { LeaseMissing, StoreRefused, StoreUnavailable } from '../../src/actors/shared/storeErrors.ts';
import type { Store } from '../../src/actors/store.ts';
import { systemClock } from '../../src/infra/machine/clock.ts';
import type { ClusterEvent } from '../../src/domain/events/event.ts';
import type { Grant } from '../../src/domain/leadership/lease.ts';
import type { Outcome } from '../../src/domain/runs/run.ts';
import type { Announcement } from '../../src/domain/membership/replica.ts';
import { mongoStore } from '../../src/infra/mongo/store.ts';
import { systemRandom } from '../../src/infra/machine/random.ts';
import type { TestMongo } from '../../harness/cluster/mongo.ts';
import { failCommand, mongoDatabase, type TestMongoDatabase } from './mongoDatabase.ts';
import {
  batch,
  candidate,
  claimed,
  committed,
  create,
  eventually,
  interval,
  lead,
  LONG_MS,
  NO_MARK,
  Recorder,
  replace,
  request,
} from './support.ts';
import { understood } from '../support/schedules.ts';
import { listed } from '../../src/domain/schedules/listing.ts';

/** The name of the store whose commands fail. */
const CLAIMER = 'claimer';

function announced(boot: string): Announcement {
  const who = { id: boot, boot, role: 'follower' as const, address: '', version: '' };
  return {
    ...who,
    started_at: new Date(0),
    transitions: [],
    transition_count: 0,
    lease_timing: null,
    warnings: [],
  };
}

/** The documents of the store's collection of leases, as they are stored. */
function leasesOf({ raw, name }: Pick<TestMongoDatabase, 'raw' | 'name'>) {
  return raw.db(name).collection<{ _id: string; session: Binary | null }>('leases');
}

/** What only a real server can do to a store. Needs one with `enableTestCommands`. */
export function mongoCases(mongo: TestMongo): void {
  const test = (name: string, body: (store: Store, database: TestMongoDatabase) => Promise<void>) =>
    it(name, { timeout: 30_000 }, async () => {
      const database = mongoDatabase(mongo);
      try {
        const store = database.connectAs(CLAIMER);
        await store.prepare();
        await body(store, database);
      } finally {
        await database.close();
      }
    });

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
      ...['leadership', 'replicas', 'runs'].map((each) => `indexes of ${each}`),
      ...['leadership', 'leases', 'replicas', 'runs', 'schedules'].map((each) => `the collection ${each}`),
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

  test('a change is not acknowledged before a claim in flight is over', async (store, { name, raw }) => {
    await create(store, 'job');
    const leases = leasesOf({ raw, name });
    const session = raw.startSession();
    session.startTransaction();
    await leases.updateOne({ _id: 'leader' }, { $inc: { barrier: 1 } }, { session });
    let acknowledged = false;
    const change = replace(store, 'job', interval('1s')).then(() => acknowledged = true);
    const waiting = [{ $currentOp: {} }, { $match: { ns: `${name}.leases`, op: 'update' } }];
    await eventually(async () => (await raw.db('admin').aggregate(waiting).toArray())[0] ?? null);
    assert.equal(understood(await store.schedules.get('job')).revision, 2, 'it is stored');
    assert.equal(acknowledged, false);
    await session.commitTransaction();
    await change;
    await session.endSession();
  });

  test('a claim that is under way is over when a change is acknowledged', async (store, { connect, raw }) => {
    const api = connect();
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const run = claimed('job', 1, grant);
    // It has read the definition by the time that it inserts.
    const held = await failCommand(raw, { times: 1 }, {
      appName: CLAIMER,
      failCommands: ['insert'],
      blockConnection: true,
      blockTimeMS: 500,
    });
    const claim = store.claims.claim(batch(grant, [request(schedule, [run])]));
    await held.entered(1);
    await replace(api, 'job', interval('1s'));
    assert.deepEqual(
      await store.runs.get(run.id),
      run,
      'the change is acknowledged while the claim is under way',
    );
    assert.deepEqual(committed(await claim).runs, [run.id]);
    const late = committed(
      await store.claims.claim(batch(grant, [request(schedule, [claimed('job', 2, grant)])])),
    );
    assert.deepEqual({ runs: late.runs, stale: late.stale }, { runs: [], stale: ['job'] });
  });

  const lost = {
    'the connection breaks before the commit': { closeConnection: true },
    'the commit is done and its answer says that it may not last': {
      writeConcernError: { code: 91, errmsg: 'shutting down' },
    },
    'the server has forgotten the transaction': {
      errorCode: 251,
      errorLabels: ['TransientTransactionError'],
    },
  };
  for (const [what, effect] of Object.entries(lost)) {
    test(`a claim is committed once when ${what}`, async (store, { raw }) => {
      const { grant, schedule, runs } = await ready(store);
      // The driver itself repeats a commit once.
      await failCommand(raw, { times: 3 }, {
        appName: CLAIMER,
        failCommands: ['commitTransaction'],
        ...effect,
      });
      const { lease: _, ...rest } = committed(
        await store.claims.claim(batch(grant, [request(schedule, runs)])),
      );
      assert.deepEqual(rest, { runs: runs.map((run) => run.id), duplicates: [], stale: [] });
      assert.deepEqual((await store.runs.list({ limit: 9, cursor: null })).items.length, runs.length);
    });
  }

  const unknown = [
    { what: 'done', effect: { writeConcernError: { code: 91, errmsg: 'shutting down' } }, done: true },
    { what: 'not done', effect: { closeConnection: true }, done: false },
  ];
  for (const { what, effect, done } of unknown) {
    test(
      `a commit whose result stays unknown, and which was ${what}, is resolved`,
      async (store, database) => {
        const { grant, schedule, runs } = await ready(store);
        const request1 = request(schedule, runs);
        const failing = await failCommand(database.raw, 'alwaysOn', {
          appName: CLAIMER,
          failCommands: ['commitTransaction'],
          ...effect,
        });
        await assert.rejects(
          store.claims.claim(batch(grant, [request1], { durationMs: 300 })),
          StoreUnavailable,
        );
        await failing.off();
        const stored = done ? runs : [];
        assert.equal(await openTransactions(database), done ? 0 : 1);
        assert.deepEqual(await store.claims.resolve(runs, grant.boot), stored);
        assert.equal(await openTransactions(database), 0, 'nothing is left that could still be committed');
        const list = async () => (await store.runs.list({ limit: 9, cursor: null })).items.length;
        assert.equal(await list(), stored.length);
        assert.equal(committed(await store.claims.claim(batch(grant, [request1]))).runs.length, runs.length);
        assert.equal(await list(), runs.length);
      },
    );
  }

  const refused = { errorCode: 14031 };
  for (const command of ['insert', 'findAndModify', 'commitTransaction']) {
    test(
      `a claim is refused, and made later, when the disk is full at its ${command}`,
      async (store, { raw }) => {
        const { grant, schedule, runs } = await ready(store);
        const it = batch(grant, [request(schedule, runs)], { durationMs: 300 });
        const full = await failCommand(raw, 'alwaysOn', {
          appName: CLAIMER,
          failCommands: [command],
          ...refused,
        });
        await assert.rejects(store.claims.claim(it), isRefusal('OutOfDiskSpace'));
        await full.off();
        assert.deepEqual(await store.claims.resolve(runs, grant.boot), []);
        assert.deepEqual(committed(await store.claims.claim(it)).runs.length, runs.length);
      },
    );
  }

  test('every write is refused while the disk is full, and nothing else', async (store, { raw }) => {
    const { grant, schedule, runs } = await ready(store);
    await store.presence.announce(announced(grant.boot));
    const full = await failCommand(raw, 'alwaysOn', {
      appName: CLAIMER,
      failCommands: ['insert', 'update', 'delete', 'findAndModify'],
      ...refused,
    });
    const mark = { claimedThroughMs: 0, mirroredThroughMs: 0 };
    const outcome = { run_id: runs[0]!.id } as Outcome;
    const writes: Record<string, () => Promise<unknown>> = {
      create: () => create(store, 'another'),
      replace: () => replace(store, schedule.id, interval('1s')),
      remove: () => store.schedules.remove(schedule.id),
      renew: () => store.lease.renew(grant, LONG_MS, mark),
      release: () => store.lease.release(grant, 'released'),
      record: () => store.runs.record([outcome]),
      resolve: () => store.claims.resolve(runs, grant.boot),
      leave: () => store.presence.leave(grant.boot),
    };
    for (const [name, write] of Object.entries(writes)) {
      await assert.rejects(write, isRefusal('OutOfDiskSpace'), name);
    }
    assert.equal(understood(await store.schedules.get(schedule.id)).revision, 1);
    assert.equal((await store.lease.read()).lease.term, grant.term);
    await full.off();
    assert.equal((await replace(store, schedule.id, interval('1s'))).revision, 2);
  });

  test('what a validator of the database does not let in is refused', async (store, { name, raw }) => {
    const { grant, schedule, runs } = await ready(store);
    const letIn = (validator: object) =>
      Promise.all(['runs', 'schedules'].map((collMod) => raw.db(name).command({ collMod, validator })));
    await letIn({ never: true });
    const claim = () => store.claims.claim(batch(grant, [request(schedule, runs)]));
    await assert.rejects(claim, isRefusal('DocumentValidationFailure'));
    await assert.rejects(create(store, 'another'), isRefusal('DocumentValidationFailure'));
    await letIn({});
    assert.equal(committed(await claim()).runs.length, runs.length);
  });

  const broken = {
    'its connection breaks': { closeConnection: true },
    'its server is shutting down': { writeConcernError: { code: 91, errmsg: 'shutting down' } },
  };
  for (const [what, effect] of Object.entries(broken)) {
    test(`a bulk write is not refused when ${what}`, async (store, { raw }) => {
      const data = { appName: CLAIMER, failCommands: ['update'], ...effect };
      const failing = await failCommand(raw, 'alwaysOn', data);
      await assert.rejects(store.runs.record([{ run_id: 'job' } as Outcome]), (error: Error) => {
        assert.equal(error.constructor, StoreUnavailable, `${error}`);
        return true;
      });
      await failing.off();
    });
  }

  test('what the user of the database may not do is refused', async (store, { raw }) => {
    const forbidden = { appName: CLAIMER, failCommands: ['find'], errorCode: 13 };
    const failing = await failCommand(raw, 'alwaysOn', forbidden);
    await assert.rejects(store.schedules.get('job'), isRefusal('Unauthorized'));
    await failing.off();
  });

  test('resolving waits for a claim of the same store', async (store, { raw }) => {
    const { grant, schedule, runs } = await ready(store);
    const slow = { blockConnection: true, blockTimeMS: 300 };
    const held = await failCommand(raw, { times: 1 }, {
      appName: CLAIMER,
      failCommands: ['insert'],
      ...slow,
    });
    const claim = store.claims.claim(batch(grant, [request(schedule, runs)]));
    await held.entered(1);
    assert.deepEqual(await store.claims.resolve(runs, grant.boot), runs);
    assert.equal((await claim).kind, 'committed');
  });

  test(
    'what this version does not understand is told as such, wherever it comes in',
    async (store, database) => {
      const { name, raw } = database;
      const good = await create(store, 'good');
      const schedules = raw.db(name).collection<{ _id: string }>('schedules');
      const copy = await schedules.findOne({ _id: 'good' });
      const reason = /^definition.timezone is "Mars\/Olympus", which this version does not know$/;
      const odd = { ...copy, definition: { cron_expression: '0 9 * * *', timezone: 'Mars/Olympus' } };
      await schedules.insertOne({ ...odd, _id: 'odd' });
      const events = await store.events.open(null);
      assert.ok(events !== 'lost');

      const recorder = new Recorder();
      const { schedules: known, notUnderstood, feed } = await store.feed.snapshot(recorder);
      assert.deepEqual(known, [good]);
      assert.deepEqual(notUnderstood.map(({ id }) => id), ['odd']);
      assert.match(notUnderstood[0]?.not_understood ?? '', reason);
      assert.deepEqual(await store.schedules.get('odd'), notUnderstood[0]);
      const { items } = await store.schedules.list({ limit: 9, cursor: null }, 0);
      assert.deepEqual(items, [listed(good, 0), notUnderstood[0]]);
      assert.equal(await store.schedules.count({}), 2);
      assert.deepEqual(await store.schedules.replace('odd', interval('1s')), notUnderstood[0]);
      assert.deepEqual(await schedules.findOne({ _id: 'odd' }), { ...odd, _id: 'odd' }, 'it is as it was');

      await schedules.updateOne({ _id: 'good' }, { $set: { effective_from: 'soon' } });
      await recorder.until(({ changes }) => changes.some(({ kind }) => kind === 'not understood'));
      const step = await eventually(async () => {
        const next = await events.next();
        assert.ok(next !== 'lost');
        return next.event;
      });
      assert.deepEqual(step, {
        type: 'schedule',
        change: 'updated',
        id: 'good',
        schedule: { id: 'good', not_understood: 'effective_from is not a date' },
      });
      events.close();
      assert.deepEqual(await store.schedules.remove('odd'), notUnderstood[0]);
      assert.equal(await store.schedules.get('odd'), null);
      feed.close();
    },
  );

  test('a clock that was set back is noted with the lease, and told once', async (store, database) => {
    const { grant } = await lead(store, 'a');
    const events = await store.events.open(null);
    assert.ok(events !== 'lost');
    // As the lease is left by a renewal before.
    const ahead = new Date(Date.now() + 3_600_000);
    const future = { renewed_at: ahead, latest_at: ahead };
    await leasesOf(database).updateOne({ _id: 'leader' }, { $set: future });
    const before = (await store.lease.read()).serverNowMs;
    const renewed = await store.lease.renew(grant, LONG_MS, { claimedThroughMs: 0, mirroredThroughMs: 0 });
    assert.deepEqual([renewed?.set_back?.from, renewed?.latest_at], [ahead, ahead]);
    const to = renewed?.set_back?.to.getTime() ?? 0;
    assert.ok(to >= before && to < before + 10_000);
    assert.equal(renewed?.expires_at.getTime(), to + LONG_MS, 'it lasts by the clock as it is now');
    const again = await store.lease.renew(grant, LONG_MS, { claimedThroughMs: 0, mirroredThroughMs: 0 });
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
      await create(store, 'job', interval('1s'));
      const far = await aheadMs(3_600_000);
      const followed = await replace(store, 'job', interval('2s'));
      const sinceMs = followed.effective_from.getTime() - far.serverNowMs;
      assert.ok(sinceMs >= 0 && sinceMs < 10_000, `${sinceMs}`);
      assert.ok(followed.written_at >= followed.effective_from);
      assert.deepEqual(followed.superseded, [], 'the one before was never in force by this clock');
      const near = await aheadMs(900);
      const next = await replace(store, 'job', interval('3s'));
      assert.equal(
        next.effective_from.getTime(),
        near.moment.getTime() + 1,
        'a clock that is a little behind',
      );
    },
  );

  test('a mirror is told when its collection goes, and starts over', async (store, { name, raw }) => {
    await create(store, 'job');
    const recorder = new Recorder();
    await store.feed.snapshot(recorder);
    await raw.db(name).dropCollection('schedules');
    await recorder.until(({ changes }) => changes.at(-1)?.kind === 'invalidated');
    const { schedules, feed } = await store.feed.snapshot(recorder);
    assert.deepEqual(schedules, []);
    feed.close();
  });

  test('a feed whose history is lost says that it can’t be resumed', async (store, { raw }) => {
    const recorder = new Recorder();
    const { feed } = await store.feed.snapshot(recorder);
    await recorder.until(({ progressMs }) => progressMs.length > 0);
    await failCommand(raw, { times: 2 }, {
      appName: CLAIMER,
      failCommands: ['getMore', 'aggregate'],
      errorCode: 286,
    });
    await recorder.until(({ failure }) => failure !== null);
    assert.equal(recorder.failure?.resumable, false);
    const again = new Recorder();
    await store.feed.resume(feed.token(), again);
    await again.until(({ failure }) => failure !== null);
    assert.equal(again.failure?.resumable, false);
  });

  test('events whose history is lost, or whose collections go, say so', async (store, { name, raw }) => {
    const first = await store.events.open(null);
    assert.ok(first !== 'lost');
    const failing = { appName: CLAIMER, errorCode: 286 };
    await failCommand(raw, { times: 1 }, { ...failing, failCommands: ['getMore'] });
    let step = await first.next();
    while (step !== 'lost') step = await first.next();
    await failCommand(raw, { times: 1 }, { ...failing, failCommands: ['aggregate'] });
    assert.equal(await store.events.open(first.start), 'lost');

    const second = await store.events.open(first.start);
    assert.ok(second !== 'lost');
    await raw.db(name).dropCollection('schedules');
    step = await second.next();
    while (step !== 'lost') step = await second.next();
    const third = await store.events.open(null);
    assert.ok(third !== 'lost', 'from now on it goes on');
    third.close();
  });

  test('events that can’t be read now are not lost', async (store, { raw }) => {
    const events = await store.events.open(null);
    assert.ok(events !== 'lost');
    const { off } = await failCommand(raw, 'alwaysOn', {
      appName: CLAIMER,
      failCommands: ['getMore', 'aggregate'],
      errorCode: 189,
    });
    const failure = async (): Promise<unknown> => {
      for (;;) if (await events.next() === 'lost') return 'lost';
    };
    await assert.rejects(failure(), StoreUnavailable);
    await assert.rejects(store.events.open(events.start), StoreUnavailable);
    await off();
    const again = await store.events.open(events.start);
    assert.ok(again !== 'lost');
    await create(store, 'job');
    for (;;) {
      const step = await again.next();
      assert.ok(step !== 'lost');
      if (step.event?.type === 'schedule') break;
    }
  });

  test(
    "a replica that died before the server's clock was set back is not seen until then",
    async (store, { name, raw }) => {
      const { grant } = await lead(store, 'dead');
      const runs = [claimed('job', 1, grant)];
      await store.claims.claim(batch(grant, [request(await create(store, 'job'), runs)]));
      for (const boot of ['boot-dead', 'alive']) await store.presence.announce(announced(boot));
      const replicas = raw.db(name).collection<{ _id: string; last_seen: Date }>('replicas');
      await replicas.updateMany({}, { $set: { last_seen: new Date(Date.now() + 3_600_000) } });
      await store.presence.announce(announced('alive'));
      assert.deepEqual((await store.presence.list(LONG_MS)).map(({ boot }) => boot), ['alive']);
      assert.deepEqual(await store.runs.orphans({ exceptBoot: 'alive', deadAfterMs: 5000, limit: 9 }), runs);
      await store.presence.sweep({ lostAfterMs: 3000, goneAfterMs: 60_000 });
      assert.deepEqual((await replicas.find().toArray()).map(({ _id }) => _id), ['alive']);
    },
  );

  test('a replica that is seen while it is swept away stays', async (store, { name, raw }) => {
    await store.presence.announce(announced('a'));
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

  it('rejects while nobody answers, and says so', async () => {
    const options = {
      clock: systemClock(),
      random: systemRandom(),
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    };
    const store = mongoStore({ uri: 'mongodb://127.0.0.1:9/?connect=direct', ...options });
    await assert.rejects(store.prepare(), (error) => {
      assert.ok(error instanceof StoreUnavailable);
      return /ECONNREFUSED/.test(error.message);
    });
    await store.close();
    await assert.rejects(store.ping(), StoreUnavailable);
  });
}

const isRefusal = (reason: string) => (error: unknown) => {
  assert.ok(error instanceof StoreRefused, `${error}`);
  assert.equal(error.reason, reason);
  return true;
};

async function ready(
  store: Store,
): Promise<
  { grant: Grant; schedule: Awaited<ReturnType<typeof create>>; runs: ReturnType<typeof claimed>[] }
> {
  const { grant } = await lead(store, 'a');
  const schedule = await create(store, 'job');
  return { grant, schedule, runs: [claimed('job', 1, grant), claimed('job', 2, grant)] };
}

/** How many transactions the server holds open for the session of the lease's holder. */
async function openTransactions({ name, raw }: TestMongoDatabase): Promise<number> {
  const lease = await leasesOf({ raw, name }).findOne({
    _id: 'leader',
  });
  const open = [{ $currentOp: { idleSessions: true } }, {
    $match: { 'lsid.id': lease?.session, transaction: { $exists: true } },
  }];
  return (await raw.db('admin').aggregate(open).toArray()).length;
}
