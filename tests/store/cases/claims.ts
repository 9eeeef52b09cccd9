import assert from 'node:assert/strict';
import { taken } from '../../../src/domain/runs/life.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import type { Store } from '../../../src/actors/store.ts';
import { everySpec } from '../../../harness/definitions.ts';
import {
  at,
  batch,
  claimed,
  committed,
  create,
  lead,
  LONG_MS,
  outcomeOf,
  replace,
  request,
  type Test,
  UNOWNED,
} from '../support.ts';

export function claimCases(test: Test): void {
  test('stores the runs, renews the lease and moves the marks', async (store) => {
    const { grant, lease: before } = await lead(store, 'a', 1000);
    const [one, two] = [await create(store, 'one'), await create(store, 'two')];
    const startMs = before.watermark.claimedThroughMs;
    const runs = [claimed('one', 1, grant), claimed('one', 2, grant), claimed('two', 1, grant)];
    const result = committed(
      await store.claims.claim(batch(grant, [request(one, runs.slice(0, 2)), request(two, runs.slice(2))], {
        marks: {
          present: before.watermark,
          settled: { claimedThroughMs: startMs + 20, mirroredThroughMs: startMs + 10 },
        },
      })),
    );
    const { lease, ...rest } = result;
    assert.deepEqual(rest, { runs: runs.map((run) => run.id), duplicates: [], stale: [] });
    assert.deepEqual(lease.watermark, { claimedThroughMs: startMs + 20, mirroredThroughMs: startMs + 10 });
    assert.equal(lease.expires_at.getTime() - (lease.renewed_at as Date).getTime(), LONG_MS);
    assert.deepEqual((await store.lease.read()).lease, lease);
    for (const run of runs) assert.deepEqual(await store.runs.get(run.id), run);
  });

  test('renews the lease when there is nothing to claim', async (store) => {
    const { grant } = await lead(store, 'a', 1000);
    const { lease, ...rest } = committed(await store.claims.claim(batch(grant, [])));
    assert.deepEqual(rest, { runs: [], duplicates: [], stale: [] });
    assert.equal(lease.expires_at.getTime() - (lease.renewed_at as Date).getTime(), LONG_MS);
  });

  test('refuses what is not due by the server’s clock, and tells its time', async (store) => {
    const { grant, lease } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const { serverNowMs } = await store.lease.read();
    const claim = (nowMs: number) =>
      store.claims.claim(batch(grant, [request(schedule, [claimed('job', 1, grant)])], { nowMs }));
    const result = await claim(serverNowMs + 60_000);
    assert.ok(result.kind === 'early', result.kind);
    assert.ok(result.serverNowMs >= serverNowMs && result.serverNowMs < serverNowMs + 60_000);
    assert.deepEqual((await store.lease.read()).lease, lease);
    assert.equal(committed(await claim(serverNowMs)).runs.length, 1);
  });

  for (const mayBeClaimed of [false, true]) {
    test(`drops what an earlier term claimed (looked up before: ${mayBeClaimed})`, async (store) => {
      const { grant: first } = await lead(store, 'a');
      const schedule = await create(store, 'job');
      const old = claimed('job', 1, first);
      await store.claims.claim(batch(first, [request(schedule, [old])]));
      await store.lease.release(first, 'released');
      const { grant } = await lead(store, 'b');
      const runs = [claimed('job', 1, grant), claimed('job', 2, grant)];
      const { lease: _, ...rest } = committed(
        await store.claims.claim(batch(grant, [request(schedule, runs)], { mayBeClaimed })),
      );
      assert.deepEqual(rest, { runs: [runs[1]?.id], duplicates: [old.id], stale: [] });
      assert.deepEqual(await store.runs.get(old.id), old);
    });

    test(`repeated, it finds its runs to be its own (looked up before: ${mayBeClaimed})`, async (store) => {
      const { grant } = await lead(store, 'a');
      const schedule = await create(store, 'job');
      const record = claimed('job', 2, grant, { state: 'missed', reason: 'catch_up_window', attempt: 0 });
      const runs = [claimed('job', 1, grant), record, claimed('job', 3, grant)];
      const ids = runs.map((run) => run.id);
      const again = batch(grant, [request(schedule, runs)], { mayBeClaimed });
      assert.deepEqual(
        committed(await store.claims.claim(batch(grant, [request(schedule, runs.slice(0, 2))]))).runs,
        ids.slice(0, 2),
      );
      const { lease: _, ...rest } = committed(await store.claims.claim(again));
      assert.deepEqual(rest, { runs: ids, duplicates: [], stale: [] });
      await store.runs.record([outcomeOf(claimed('job', 1, grant))]);
      const later = await store.claims.claim(again);
      assert.ok(later.kind === 'committed');
      const states = later.runs.map(({ state }) => state);
      assert.deepEqual(states, ['succeeded', 'missed', 'claimed'], 'one that has ended is not claimed again');
    });
  }

  test('claims nothing of a definition that was replaced, and says so before the mark is written', async (store) => {
    const { grant, lease } = await lead(store, 'a');
    const [changed, same] = [await create(store, 'changed'), await create(store, 'same')];
    await replace(store, 'changed', everySpec('1s'));
    const startMs = lease.watermark.claimedThroughMs;
    const result = committed(
      await store.claims.claim(batch(grant, [
        { ...request(changed, [claimed('changed', 1, grant)]), owedFromMs: startMs + 8 },
        request(same, [claimed('same', 1, grant)]),
      ], {
        marks: {
          present: lease.watermark,
          settled: { ...lease.watermark, claimedThroughMs: startMs + 99 },
        },
      })),
    );
    assert.deepEqual(result.stale, ['changed']);
    assert.deepEqual(result.runs, [claimed('same', 1, grant).id]);
    assert.equal(result.lease.watermark.claimedThroughMs, startMs + 7);
    assert.equal(await store.runs.get(claimed('changed', 1, grant).id), null);
  });

  test('claims nothing of a schedule that is gone, or was made again under the same id', async (store) => {
    const { grant } = await lead(store, 'a');
    const [gone, again] = [await create(store, 'gone'), await create(store, 'again')];
    await store.schedules.remove('gone');
    await store.schedules.remove('again');
    assert.equal((await create(store, 'again')).revision, again.revision);
    const requests = [
      request(gone, [claimed('gone', 1, grant)]),
      request(again, [claimed('again', 1, grant)]),
    ];
    const { lease: _, ...rest } = committed(await store.claims.claim(batch(grant, requests)));
    assert.deepEqual(rest, { runs: [], duplicates: [], stale: ['gone', 'again'] });
  });

  test('repeated after the definition was replaced, it still tells what it claimed before', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const runs = [claimed('job', 1, grant), claimed('job', 2, grant)];
    await store.claims.claim(batch(grant, [request(schedule, runs.slice(0, 1))]));
    await replace(store, 'job', everySpec('1s'));
    const { lease: _, ...rest } = committed(
      await store.claims.claim(batch(grant, [request(schedule, runs)])),
    );
    assert.deepEqual(rest, { runs: [runs[0]?.id], duplicates: [], stale: ['job'] });
  });

  test('drops what a counted record stands for, which is not found by its id', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const counted = {
      ...claimed('job', 5, grant, { claim_number: 9 }),
      state: 'missed' as const,
      count: 4,
      since: claimed('job', 2, grant).scheduled_for,
    };
    await store.claims.claim(batch(grant, [request(schedule, [counted])]));
    const runs = [1, 2, 4, 5, 6].map((k) => claimed('job', k, grant));
    const result = committed(
      await store.claims.claim(batch(grant, [request(schedule, runs)], { mayBeClaimed: true })),
    );
    assert.deepEqual(result.runs, [runs[0]?.id, runs[4]?.id]);
    assert.deepEqual(result.duplicates, runs.slice(1, 4).map((run) => run.id));
  });

  test('is fenced when the term is over, and writes nothing', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    await store.lease.release(grant, 'released');
    const released = await store.lease.read();
    const late = batch(grant, [request(schedule, [claimed('job', 1, grant)])]);
    assert.deepEqual(await store.claims.claim(late), { kind: 'fenced' }, 'after its release');
    assert.deepEqual((await store.lease.read()).lease, released.lease);
    const { lease } = await lead(store, 'b');
    assert.deepEqual(await store.claims.claim(late), { kind: 'fenced' }, 'under a later term');
    assert.deepEqual((await store.lease.read()).lease, lease);
    assert.equal(await store.runs.get(claimed('job', 1, grant).id), null);
  });

  test(
    'acknowledged means in force: after a change, no claim of the old definition commits',
    async (store, connect) => {
      const { grant } = await lead(store, 'a');
      const api = connect();
      let second = 0;
      for (let round = 0; round < 20; round++) {
        const schedule = await create(store, `job-${round}`);
        const change = round % 2 === 0
          ? api.schedules.replace(schedule.id, everySpec('1s'))
          : api.schedules.remove(schedule.id);
        let acknowledged = false;
        void change.then(() => acknowledged = true);
        for (let last = false; !last;) {
          last = acknowledged;
          const run = claimed(schedule.id, ++second, grant);
          const { runs, stale } = committed(
            await store.claims.claim(batch(grant, [request(schedule, [run])])),
          );
          if (last) assert.deepEqual({ runs, stale }, { runs: [], stale: [schedule.id] });
        }
      }
    },
  );

  test('resolves which runs of a claim are stored as that boot’s', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const runs = [1, 2, 3].map((second) => claimed('job', second, grant));
    await store.claims.claim(batch(grant, [request(schedule, runs.slice(0, 2))]));
    assert.deepEqual(await store.claims.resolve(runs), runs.slice(0, 2));
    assert.deepEqual(await store.claims.resolve([claimed('job', 1, { ...grant, term: 2 })]), []);
    assert.deepEqual(await store.claims.resolve([]), []);
  });

  test('resolves runs that another executor has taken since: their claim was committed', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const runs = [1, 2].map((second) => claimed('job', second, grant, { waiting_for: 'place', ...UNOWNED }));
    await store.claims.claim(batch(grant, [request(schedule, runs)]));
    const [mine] = await store.runs.change([taken(runs[0] as Run, { replica: 'b', boot: 'boot-b' })]);
    assert.deepEqual(await store.claims.resolve(runs), [mine, runs[1]]);
    const again = await store.claims.claim(batch(grant, [request(schedule, runs)], { mayBeClaimed: true }));
    assert.ok(again.kind === 'committed');
    assert.deepEqual([again.runs, again.duplicates], [[mine, runs[1]], []]);
  });

  test('takes a thousand runs at once', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const runs = Array.from({ length: 1000 }, (_, second) => claimed('job', second, grant));
    assert.equal(
      committed(await store.claims.claim(batch(grant, [request(schedule, runs)]))).runs.length,
      1000,
    );
    assert.deepEqual(await newest(store), at(999));
  });
}

async function newest(store: Store): Promise<Date | undefined> {
  return (await store.runs.list({ scheduleId: 'job', limit: 1, cursor: null })).items[0]?.scheduled_for;
}
