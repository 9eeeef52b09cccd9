import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreUnavailable } from '../../src/actors/ports.ts';
import { systemClock } from '../../src/infra/clock.ts';
import type { Intercept } from '../../src/infra/memory/connection.ts';
import { inTurns } from '../../src/infra/memory/turns.ts';
import { memoryDatabase } from '../../src/infra/memory/store.ts';
import { conformance } from './conformance.ts';
import { at, batch, claimed, create, lead, outcomeOf, Recorder, replace, request, SPEC } from './support.ts';

describe('memory store', () => {
  conformance(async () => {
    const database = memoryDatabase({ clock: systemClock() });
    const stores = [database.connect()];
    return {
      connect() {
        const store = database.connect();
        stores.push(store);
        return store;
      },
      close: async () => void await Promise.all(stores.map((store) => store.close())),
    };
  });

  describe('in memory', () => {
    /** A database whose clock the test sets, and a way to it that the test can interrupt. */
    async function setUp() {
      const clock = { ...systemClock(), now: () => state.nowMs };
      const state: { nowMs: number; intercept: Intercept } = {
        nowMs: at(0).getTime(),
        intercept: (_op, run) => run(),
      };
      const database = memoryDatabase({ clock });
      const store = database.connect({ intercept: (op, run) => state.intercept(op, run) });
      await store.prepare();
      return { state, store, database };
    }

    it('lives on the clock that it is given, which may not go back', async () => {
      const { state, store } = await setUp();
      const { lease } = await lead(store, 'a', 1000);
      assert.deepEqual(lease.expires_at, at(1));
      state.nowMs -= 5000;
      assert.equal((await store.lease.read()).serverNowMs, at(0).getTime());
    });

    it('hands out and takes in copies', async () => {
      const { store } = await setUp();
      const spec = structuredClone(SPEC);
      const created = await create(store, 'job', spec);
      created.revision = 99;
      spec.policy.catch_up = 'none';
      const stored = await store.schedules.get('job');
      assert.deepEqual([stored?.revision, stored?.policy], [1, SPEC.policy]);
    });

    it('tells a schedule made again in the same millisecond from the one before', async () => {
      const { store } = await setUp();
      const { grant } = await lead(store, 'a');
      const schedule = await create(store, 'job');
      await store.schedules.remove('job');
      await create(store, 'job');
      const result = await store.claims.claim(batch(grant, [request(schedule, [claimed('job', 1, grant)])]));
      assert.ok(result.kind === 'committed' && result.stale.length === 1);
    });

    it('drops run records when they expire', async () => {
      const { state, store } = await setUp();
      const { grant } = await lead(store, 'a');
      const run = claimed('job', 1, grant);
      await store.claims.claim(batch(grant, [request(await create(store, 'job'), [run])]));
      await store.runs.record([outcomeOf(run, { expire_at: at(10) })]);
      state.nowMs = at(9).getTime();
      assert.equal((await store.runs.list({ limit: 9, cursor: null })).items.length, 1);
      state.nowMs = at(10).getTime();
      assert.equal(await store.runs.get(run.id), null);
      assert.deepEqual((await store.runs.list({ limit: 9, cursor: null })).items, []);
    });

    it('lets the process do other things between its calls', async () => {
      const { state, store } = await setUp();
      state.intercept = inTurns;
      let turns = 0;
      let over = false;
      const turn = () => over || (turns++, setImmediate(turn));
      turn();
      for (let call = 0; call < 10; call++) await store.ping();
      over = true;
      assert.ok(turns >= 10, `${turns} turns`);
    });

    it('refuses a claim that arrives after it was resolved', async () => {
      const { state, store } = await setUp();
      const { grant } = await lead(store, 'a');
      const run = claimed('job', 1, grant);
      const schedule = await create(store, 'job');
      let arrive = () => {};
      const arrived = new Promise<void>((resolve) => arrive = resolve);
      state.intercept = async (op, run) => {
        if (op === 'claims.claim') await arrived;
        return await run();
      };
      const claim = store.claims.claim(batch(grant, [request(schedule, [run])]));
      assert.deepEqual(await store.claims.resolve([run], grant.boot), []);
      arrive();
      await assert.rejects(claim, StoreUnavailable);
      assert.equal(await store.runs.get(run.id), null);
    });

    it('fails a feed that is cut off, and resumes it', async () => {
      const { state, store, database } = await setUp();
      const writer = database.connect();
      const before = new Recorder();
      const { feed } = await store.feed.snapshot(before);
      await before.until(({ progressMs }) => progressMs.length > 0);
      state.intercept = async () => {
        throw new StoreUnavailable('cut off');
      };
      await create(writer, 'job');
      await before.until(({ failure }) => failure !== null);
      assert.equal(before.failure?.resumable, true);
      assert.deepEqual(before.story(), []);
      state.intercept = (_op, run) => run();
      const after = new Recorder();
      const resumed = await store.feed.resume(feed.token(), after);
      await after.until(({ changes }) => changes.length > 0);
      assert.deepEqual(after.story(), ['upsert job 1']);
      resumed.close();
    });

    it('keeps a bounded history of changes', async () => {
      const { state, store } = await setUp();
      const recorder = new Recorder();
      const { feed } = await store.feed.snapshot(recorder);
      const token = feed.token();
      feed.close();
      const { grant } = await lead(store, 'a');
      await create(store, 'job');
      for (let i = 0; i < 10_000; i++) {
        await replace(store, 'job', SPEC);
        state.nowMs += 2;
        await store.lease.renew(grant, 60_000, {
          claimedThroughMs: state.nowMs,
          mirroredThroughMs: state.nowMs,
        });
      }
      await store.feed.resume(token, recorder);
      await recorder.until(({ failure }) => failure !== null);
      assert.equal(recorder.failure?.resumable, false);
    });

    it('tells a watcher of the lease again when it was cut off', async () => {
      const { state, store } = await setUp();
      state.intercept = async () => {
        throw new StoreUnavailable('cut off');
      };
      const told: string[] = [];
      await new Promise<void>((resolve) => {
        const stop = store.lease.watch('me', (hint) => {
          if (hint !== 'changed') return;
          told.push('hint');
          stop();
          resolve();
        }, () => {
          told.push('error');
          state.intercept = (_op, run) => run();
        });
      });
      assert.deepEqual(told, ['error', 'hint']);
    });

    it('answers nothing once it is closed', async () => {
      const { store } = await setUp();
      await store.close();
      await assert.rejects(store.ping(), StoreUnavailable);
    });
  });
});
