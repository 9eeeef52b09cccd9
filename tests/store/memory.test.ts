import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreUnavailable } from '../../src/actors/shared/storeErrors.ts';
import { systemClock } from '../../src/infra/machine/clock.ts';
import type { Intercept } from '../../src/infra/memory/shared/connection.ts';
import { inTurns } from '../../src/infra/memory/shared/turns.ts';
import { memoryDatabase } from '../../src/infra/memory/store.ts';
import { conformance } from './conformance.ts';
import { everySpec } from '../../harness/definitions.ts';
import { NO_MARK } from '../support/leases.ts';
import {
  another,
  at,
  batch,
  claimed,
  create,
  lead,
  outcomeOf,
  Recorder,
  replace,
  request,
  SPEC,
} from './support.ts';
import { understood } from '../support/schedules.ts';

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

    it('lives on the clock that it is given, which may go back, and notes that it did', async () => {
      const { state, store } = await setUp();
      const { lease, grant } = await lead(store, 'a', 1000);
      assert.deepEqual([lease.expires_at, lease.latest_at, lease.set_back], [at(1), at(0), null]);
      state.nowMs -= 5000;
      assert.equal((await store.lease.read()).serverNowMs, at(-5).getTime());
      const renewed = await store.lease.renew(grant, 1000, NO_MARK);
      assert.deepEqual(renewed?.set_back, { from: at(0), to: at(-5) });
      assert.deepEqual([renewed?.latest_at, renewed?.renewed_at, renewed?.expires_at], [
        at(0),
        at(-5),
        at(-4),
      ]);
      state.nowMs += 1;
      const again = await store.lease.renew(grant, 1000, NO_MARK);
      assert.deepEqual(again?.set_back, { from: at(0), to: at(-5) }, 'it is noted once');
    });

    it('lets what is made after its clock went back take effect at once, and come later in its history', async () => {
      const { state, store } = await setUp();
      const first = await create(store, 'job', everySpec('1s'));
      const other = await create(store, 'other', everySpec('1s'));
      state.nowMs -= 3_600_000;
      const changed = await replace(store, 'job', everySpec('2s'));
      assert.equal(changed.effective_from.getTime(), state.nowMs);
      assert.ok(changed.written_at >= first.written_at);
      assert.deepEqual(changed.superseded, [], 'by the clock as it is, the one before never was in force');
      await store.schedules.remove('other');
      const anew = await create(store, 'other', everySpec('1s'));
      assert.equal(anew.created_at.getTime(), state.nowMs);
      assert.ok(anew.written_at >= other.written_at);
    });

    it('keeps of a timing that is replaced what the clock has reached', async () => {
      const { state, store } = await setUp();
      const first = await create(store, 'job', everySpec('1s'));
      state.nowMs += 10_000;
      const second = await replace(store, 'job', everySpec('2s'));
      state.nowMs -= 4_000;
      const third = await replace(store, 'job', everySpec('3s'));
      assert.deepEqual(
        third.superseded.map(({ revision, from, until }) => [revision, from, until]),
        [[1, first.effective_from, third.effective_from]],
        'the second is not due any more',
      );
      assert.ok(second.effective_from > third.effective_from);
    });

    it('does not count a heartbeat from before its clock was set back', async () => {
      const { state, store } = await setUp();
      await store.presence.announce({
        ...{ id: 'a', boot: 'boot-a', role: 'leader', address: 'http://a', version: '1', started_at: at(0) },
        ...{ transitions: [], transition_count: 0, lease_timing: null, warnings: [], places: null },
      });
      state.nowMs -= 60_000;
      assert.deepEqual(await store.presence.list(5000), []);
    });

    it('hands out and takes in copies', async () => {
      const { store } = await setUp();
      const spec = structuredClone(SPEC);
      const created = await create(store, 'job', spec);
      created.revision = 99;
      spec.policy.catch_up = 'none';
      const stored = understood(await store.schedules.get('job'));
      assert.deepEqual([stored.revision, stored.policy], [1, SPEC.policy]);
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
      assert.deepEqual(await store.claims.resolve([run]), []);
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
        await replace(store, 'job', another());
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
