/** Documents that another version, or a hand, has written: the store says so, and goes on without them. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Document } from 'mongodb';
import { NotUnderstoodError } from '../../../src/actors/shared/storeErrors.ts';
import type { Store } from '../../../src/actors/store.ts';
import { cancelled } from '../../../src/domain/runs/life.ts';
import { manualRun } from '../../../src/domain/runs/request.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import type { TestMongo } from '../../../harness/cluster/mongo.ts';
import { mongoDatabase, type TestMongoDatabase } from '../mongoDatabase.ts';
import { announcement } from '../../support/replicas.ts';
import { NO_MARK } from '../../support/leases.ts';
import { batch, candidate, claimed, committed, create, lead, LONG_MS, request } from '../support.ts';

const DEAD_MS = 5000;

/** How a run's document can be wrong, by the reason that is told. */
const MALFORMED_RUNS: Record<string, Document> = {
  'schedule_id is missing': { $unset: { schedule_id: 1 } },
  'schedule_id is a list': { $set: { schedule_id: ['job'] } },
  'scheduled_for is missing': { $unset: { scheduled_for: 1 } },
  'scheduled_for is "soon"': { $set: { scheduled_for: 'soon' } },
  'claimed_at is missing': { $unset: { claimed_at: 1 } },
  'attempt is "1"': { $set: { attempt: '1' } },
  'attempt is -1': { $set: { attempt: -1 } },
  'executor_boot is 7': { $set: { executor_boot: 7 } },
  'trigger is "webhook"': { $set: { trigger: 'webhook' } },
};

export function malformedDocumentCases(mongo: TestMongo): void {
  interface Given extends TestMongoDatabase {
    told: string[];
    collection(name: string): ReturnType<ReturnType<TestMongoDatabase['raw']['db']>['collection']>;
  }
  const test = (name: string, body: (store: Store, database: Given) => Promise<void>) =>
    it(name, { timeout: 60_000 }, async () => {
      const told: string[] = [];
      const database = mongoDatabase(
        mongo,
        (collection, id, reason) => told.push(`${collection} ${id}: ${reason}`),
      );
      const collection = (of: string) => database.raw.db(database.name).collection(of);
      try {
        const store = database.connect();
        await store.prepare();
        await body(store, { ...database, told, collection });
      } finally {
        await database.close();
      }
    });
  const ids = (runs: readonly Run[]) => runs.map(({ id }) => id);
  const orphans = (store: Store, limit = 500) =>
    store.runs.orphans({ exceptBoot: 'me', deadAfterMs: DEAD_MS, limit });
  const available = async (store: Store, limit = 500) =>
    (await store.runs.available({ availableAt: new Date(Date.now() + LONG_MS), limit })).runs;

  test(
    'a run without an executor of a version that knew no waiting: it waits for a place',
    async (store, { collection }) => {
      const schedule = await create(store, 'job');
      const run = manualRun(schedule, Date.now(), 'older');
      await store.runs.request(run);
      const unknown = { waiting_for: 1, waiting_schedule: 1, available_at: 1 };
      await collection('runs').updateOne({ _id: run.id as never }, { $unset: unknown });
      assert.deepEqual(ids(await available(store)), []);
      assert.deepEqual(await orphans(store), []);
      assert.deepEqual(await available(store), [{ ...run, available_at: run.scheduled_for }]);
    },
  );

  for (const [reason, change] of Object.entries(MALFORMED_RUNS)) {
    test(`a run of which ${reason}`, async (store, { told, collection }) => {
      const schedule = await create(store, 'job');
      const [strange, sound] = ['strange', 'sound'].map((tag) => manualRun(schedule, Date.now(), tag));
      for (const run of [strange!, sound!]) await store.runs.request(run);
      await collection('runs').updateOne({ _id: strange!.id as never }, change);

      assert.deepEqual(ids((await store.runs.list({ limit: 10, cursor: null })).items), [sound!.id]);
      assert.deepEqual(ids(await available(store)), [sound!.id]);
      const found = await store.runs.get(strange!.id);
      assert.ok(
        found && 'not_understood' in found && found.not_understood.startsWith(reason),
        JSON.stringify(found),
      );
      assert.ok(told.some((line) => line.startsWith(`runs ${strange!.id}: ${reason}`)), told.join('\n'));
      const before = await collection('runs').findOne({ _id: strange!.id as never });
      await store.runs.change([cancelled(sound!, 'requested', new Date())]);
      await store.runs.passTurns();
      assert.deepEqual(await collection('runs').findOne({ _id: strange!.id as never }), before);
    });
  }

  test(
    'a run in a state of a newer version is told of when it is met, and its occurrence has had its run',
    async (store, { told, collection }) => {
      const { grant } = await lead(store, 'a');
      const schedule = await create(store, 'job');
      const run = claimed('job', 1, grant);
      const claim = () =>
        store.claims.claim(batch(grant, [request(schedule, [run])], { mayBeClaimed: true }));
      committed(await claim());
      await collection('runs').updateOne({ _id: run.id as never }, { $set: { state: 'half' } });
      assert.deepEqual((await store.runs.list({ limit: 10, cursor: null })).items, []);
      assert.deepEqual(await orphans(store), []);
      const again = committed(await claim());
      assert.deepEqual([again.runs, again.duplicates], [[], [run.id]]);
      assert.deepEqual(await store.claims.resolve([run]), []);
      assert.match(told[0]!, /state is "half", which this version does not know$/);
    },
  );

  test('a page of runs that are not understood leads to the next one', async (store, { collection }) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const runs = Array.from({ length: 6 }, (_, i) => claimed('job', i + 1, grant));
    committed(await store.claims.claim(batch(grant, [request(schedule, runs)])));
    await collection('runs').updateMany({ _id: { $in: ids(runs.slice(2, 5)) as never[] } }, {
      $set: { state: 'half' },
    });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await store.runs.list({ limit: 2, cursor });
      seen.push(...ids(page.items));
      cursor = page.nextCursor;
    } while (cursor !== null);
    assert.deepEqual(seen, ids([runs[5]!, runs[1]!, runs[0]!]));
  });

  /** Open runs, each wrong in one of these ways. */
  const broken = (count: number, sound: object) => {
    const past = new Date(Date.now() - 3_600_000);
    const breaks = [
      { schedule_id: undefined },
      { scheduled_for: 'soon' },
      { claimed_at: null },
      { attempt: NaN },
      { schedule_id: ['job'] },
      { trigger: 'webhook' },
      { state: 'half' },
      { executor: 7 },
    ];
    return Array.from({ length: count }, (_, i) => (
      { _id: `strange-${i}`, ...sound, scheduled_for: past, available_at: past, ...breaks[i % breaks.length] }
    ));
  };

  for (const count of [600, 5000]) {
    test(
      `${count} open runs that are not understood keep no other one waiting: its executor is dead`,
      async (store, { collection }) => {
        const { grant } = await lead(store, 'a');
        const schedule = await create(store, 'job');
        const run = claimed('job', 1, grant);
        await store.claims.claim(batch(grant, [request(schedule, [run])]));
        const { _id, ...sound } = (await collection('runs').findOne({ _id: run.id as never }))!;
        await collection('runs').insertMany(broken(count, sound) as never[], { ignoreUndefined: true });
        assert.deepEqual(ids(await orphans(store)), [run.id]);
      },
    );

    for (const schedules of [1, count]) {
      test(
        `${count} waiting runs of ${schedules} schedules that are not understood keep no other one waiting`,
        async (store, { collection }) => {
          const schedule = await create(store, 'job');
          const run = manualRun(schedule, Date.now(), 'sound');
          await store.runs.request(run);
          const { _id, ...sound } = (await collection('runs').findOne({ _id: run.id as never }))!;
          const strange = broken(count, sound).map((doc, i) => (
            { ...doc, ...(schedules > 1 && { waiting_schedule: `strange-${i}` }) }
          ));
          await collection('runs').insertMany(strange as never[], { ignoreUndefined: true });
          assert.deepEqual(ids(await available(store)), [run.id]);
          assert.deepEqual(ids(await available(store, 3)), [run.id], 'also for an executor with few places');
        },
      );
    }
  }

  const brokenLeases = {
    'term is "x"': { term: 'x' },
    'expires_at is null': { expires_at: null },
    'claimed_through is "x"': { claimed_through: 'x' },
    'released_at is "never"': { released_at: 'never' },
    'holder is 5': { holder: 5 },
  };
  for (const [reason, fields] of Object.entries(brokenLeases)) {
    test(
      `a lease of which ${reason} is not acted on, and works again once it is mended`,
      async (store, { told, collection }) => {
        const { grant } = await lead(store, 'a', 1);
        await store.lease.release(grant, 'released');
        const leases = collection('leases');
        const sound = await leases.findOne({ _id: 'leader' as never });
        await leases.updateOne({ _id: 'leader' as never }, { $set: fields });
        const broken = await leases.findOne({ _id: 'leader' as never });
        const refused = (error: unknown) =>
          error instanceof NotUnderstoodError && error.message.includes(`${reason}`);
        await assert.rejects(store.lease.read(), refused);
        await assert.rejects(store.lease.acquire(candidate('b'), LONG_MS, null), refused);
        assert.equal(await store.lease.renew({ ...grant, term: 9 }, LONG_MS, NO_MARK), null);
        assert.deepEqual(await store.prepare(), []);
        assert.deepEqual(await leases.findOne({ _id: 'leader' as never }), broken);
        assert.ok(told[0]!.startsWith(`leases leader: ${reason}`));
        await leases.replaceOne({ _id: 'leader' as never }, sound!);
        assert.equal((await lead(store, 'b')).lease.term, 2);
      },
    );
  }

  test(
    'replicas and terms that are not understood are left out, and left alone',
    async (store, { told, collection }) => {
      const boot = 'b1';
      await store.presence.announce(announcement('r', { boot }));
      const { started_at: _s, transitions: _t, transition_count: _c, ...incomplete } = announcement('r');
      const malformed = [{ _id: 'b2' }, { _id: 'b3', last_seen: new Date() }, {
        _id: 'b4',
        ...incomplete,
        last_seen: new Date(0),
      }];
      await collection('replicas').insertMany(malformed as never[]);
      assert.deepEqual((await store.presence.list(LONG_MS)).map((replica) => replica.boot), [boot]);
      await store.presence.sweep({ lostAfterMs: 1000, goneAfterMs: 2000 });
      for (const doc of malformed) {
        assert.deepEqual(await collection('replicas').findOne({ _id: doc._id as never }), doc);
      }
      await collection('leadership').insertMany([{ _id: 7, replica: 5 }, { _id: 'x' }] as never[]);
      assert.deepEqual(await store.leadership.list(10), []);
      assert.ok(told.some((line) => line.startsWith('leadership 7: replica is 5')));
      assert.ok(told.some((line) => line.startsWith('replicas b3: id is missing')));
    },
  );

  test("a replica's own entry is written anew when it is broken", async (store, { collection }) => {
    const announce = () => store.presence.announce(announcement('r', { boot: 'b1' }));
    await announce();
    await collection('replicas').updateOne({ _id: 'b1' as never }, { $set: { role: 7, transitions: 'x' } });
    assert.deepEqual(await store.presence.list(LONG_MS), []);
    await announce();
    assert.deepEqual((await store.presence.list(LONG_MS)).map(({ role }) => role), ['follower']);
  });

  test(
    'events of what is not understood are left out, and the stream goes on',
    async (store, { collection }) => {
      const events = await store.events.open(null);
      assert.ok(events !== 'lost');
      await collection('runs').insertOne({ _id: 'x' as never, state: 'succeeded' });
      await collection('replicas').insertOne({ _id: 'x' as never });
      await collection('leadership').insertOne({ _id: 'x' as never });
      await collection('leases').updateOne({ _id: 'leader' as never }, {
        $set: { term: 5, hands: { a: 'x' } },
      });
      await collection('leases').updateOne({ _id: 'leader' as never }, {
        $set: { term: 6, hands: { b: { boot: 5 } } },
      });
      await create(store, 'job');
      for (;;) {
        const step = await events.next();
        assert.ok(step !== 'lost');
        if (step.event === null) continue;
        assert.equal(step.event.type, 'schedule');
        break;
      }
      events.close();
    },
  );
}
