/** Claims whose commit is interrupted, and changes of schedules during a claim. */
import assert from 'node:assert/strict';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { failCommand, type TestMongoDatabase } from '../mongoDatabase.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { tallyId } from '../../../src/infra/runs/tallies.ts';
import {
  batch,
  claimed,
  committed,
  create,
  eventually,
  lead,
  occurrence,
  replace,
  request,
  SPEC,
} from '../support.ts';
import { understood } from '../../support/schedules.ts';
import { CLAIMER, leasesOf, type MongoTest, ready } from './support.ts';

export function mongoClaimCases(test: MongoTest): void {
  test('a change is not acknowledged before a claim in flight is over', async (store, { name, raw }) => {
    await create(store, 'job');
    const leases = leasesOf({ raw, name });
    const session = raw.startSession();
    session.startTransaction();
    await leases.updateOne({ _id: 'leader' }, { $inc: { barrier: 1 } }, { session });
    let acknowledged = false;
    const change = replace(store, 'job', everySpec('1s')).then(() => acknowledged = true);
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
    await replace(api, 'job', everySpec('1s'));
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

  test(
    'a claim leaves out a schedule whose tally an open transaction holds, as a process leaves it that died',
    async (store, { name, raw }) => {
      const { grant } = await lead(store, 'a');
      const limit = { ...SPEC, max_runs: 9 };
      const limited = await create(store, 'limited', limit);
      const [second, other] = [await create(store, 'second', limit), await create(store, 'other')];
      const due = (at: number) =>
        batch(grant, [limited, second, other].map((of) => request(of, [occurrence(of, at, grant)])));
      assert.deepEqual(committed(await store.claims.claim(due(1))).stale, []);

      const session = raw.startSession();
      session.startTransaction();
      const tallies = raw.db(name).collection<{ _id: string }>('tallies');
      const tally = { _id: tallyId('limited', limited.created_at) };
      const { matchedCount } = await tallies.updateOne(tally, { $inc: { writes: 1 } }, { session });
      const during = await store.claims.claim(due(2)).finally(() => session.abortTransaction());
      await session.endSession();
      assert.equal(matchedCount, 1);
      const { stale, runs } = committed(during);
      assert.deepEqual([stale, runs.map((id) => id.split('@')[0])], [['limited'], ['second', 'other']]);
      assert.deepEqual(committed(await store.claims.claim(due(3))).stale, []);
    },
  );

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
        // The driver took the server for one that shuts down.
        await eventually(() => store.ping().then(() => true, () => null));
        const stored = done ? runs : [];
        assert.equal(await openTransactions(database), done ? 0 : 1);
        assert.deepEqual(await store.claims.resolve(runs), stored);
        assert.equal(await openTransactions(database), 0, 'nothing is left that could still be committed');
        const list = async () => (await store.runs.list({ limit: 9, cursor: null })).items.length;
        assert.equal(await list(), stored.length);
        assert.equal(committed(await store.claims.claim(batch(grant, [request1]))).runs.length, runs.length);
        assert.equal(await list(), runs.length);
      },
    );
  }

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
    assert.deepEqual(await store.claims.resolve(runs), runs);
    assert.equal((await claim).kind, 'committed');
  });
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
