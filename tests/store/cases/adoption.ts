import assert from 'node:assert/strict';
import type { Store } from '../../../src/actors/store.ts';
import type { Adopter, Adoption } from '../../../src/domain/runs/adoption.ts';
import { manualRun, type Run } from '../../../src/domain/runs/run.ts';
import {
  at,
  batch,
  claimed,
  committed,
  create,
  eventually,
  lead,
  LONG_MS,
  outcomeOf,
  request,
  type Test,
} from '../support.ts';
import { understood } from '../../support/schedules.ts';

const BY_B: Adopter = { replica: 'b', boot: 'boot-b', term: 2 };
const BY_C: Adopter = { replica: 'c', boot: 'boot-c', term: 3 };
const AT = at(60);
const NOTHING = { runs: [], abandoned: [] };

export function adoptionCases(test: Test): void {
  test('finds the open runs of executors that are not seen any more, oldest first', async (store) => {
    const runs = await stored(store, [3, 1, 2]);
    await store.runs.record([outcomeOf(runs[2] as Run)]);
    assert.deepEqual(await orphans(store), [runs[1], runs[0]]);
    assert.deepEqual(await orphans(store, { limit: 1 }), [runs[1]]);
    assert.deepEqual(await orphans(store, { exceptBoot: 'boot-a' }), [], 'its own runs are no orphans');
  });

  test('finds requested runs before all others, whichever executors are alive', async (store) => {
    const [orphan] = await stored(store, [1]);
    const schedule = understood(await store.schedules.get('job'));
    const late = manualRun(schedule, at(120).getTime(), 'late');
    const early = manualRun(schedule, at(90).getTime(), 'early');
    for (const run of [late, early]) await store.runs.request(run);
    assert.deepEqual(await orphans(store), [early, late, orphan]);
    assert.deepEqual(await orphans(store, { limit: 2 }), [early, late]);
    await announce(store, 'a');
    assert.deepEqual(await orphans(store), [early, late]);
  });

  test('finds no orphan of an executor that is seen, but when it was not for long', async (store) => {
    const runs = await stored(store, [1]);
    await announce(store, 'a');
    await announce(store, 'c');
    assert.deepEqual(await orphans(store), []);
    const found = await eventually(async () => {
      await announce(store, 'c');
      const found = await orphans(store, { deadAfterMs: 50 });
      return found.length > 0 ? found : null;
    });
    assert.deepEqual(found, runs);
    await announce(store, 'a');
    assert.deepEqual(await orphans(store, { deadAfterMs: LONG_MS }), []);
    await store.presence.leave('boot-a');
    assert.deepEqual(await orphans(store), runs, 'it has taken its leave');
  });

  test('makes a run the next attempt of who adopts it, and its executor is then the one that counts', async (store) => {
    const [run] = await stored(store, [1]) as [Run];
    const [mine] = (await store.runs.adopt([retry(run)], BY_B)).runs as [Run];
    assert.deepEqual(mine, {
      ...run,
      attempt: 2,
      executor: 'b',
      executor_boot: 'boot-b',
      term: 2,
      claimed_at: AT,
    });
    assert.deepEqual(await store.runs.get(run.id), mine);
    assert.deepEqual(await orphans(store), []);
    assert.equal((await store.runs.record([outcomeOf(run)])).length, 0, 'a late outcome of the old attempt');
    assert.equal((await store.runs.record([outcomeOf({ ...run, attempt: 2 })])).length, 0);
    assert.deepEqual(await store.runs.get(run.id), mine);
    assert.equal((await store.runs.record([outcomeOf(mine)])).length, 1);
    assert.equal((await store.runs.get(run.id) as Run | null)?.attempt, 2);
  });

  test('ends a run that is abandoned, for good', async (store) => {
    const [run] = await stored(store, [1]) as [Run];
    assert.deepEqual(await store.runs.adopt([abandon(run)], BY_B), { runs: [], abandoned: [run.id] });
    const ended = await store.runs.get(run.id);
    assert.deepEqual(ended, {
      ...run,
      state: 'abandoned',
      reason: 'executor_lost',
      finished_at: AT,
      expire_at: at(86_400),
    });
    assert.equal((await store.runs.record([outcomeOf(run)])).length, 0);
    assert.deepEqual(await store.runs.adopt([retry(run)], BY_B), NOTHING);
    assert.deepEqual([await store.runs.get(run.id), await orphans(store)], [ended, []]);
  });

  test('lets one of two have each run', async (store, connect) => {
    const runs = await stored(store, [1, 2, 3, 4, 5, 6]);
    const ways: [Store, Adopter][] = [[store, BY_B], [connect(), BY_C]];
    const adopted = await Promise.all(ways.map(async ([way, by]) => {
      const mine: Run[] = [];
      for (const run of by === BY_B ? runs : runs.toReversed()) {
        mine.push(...(await way.runs.adopt([retry(run)], by)).runs);
      }
      return mine;
    }));
    const all = adopted.flat();
    assert.deepEqual(all.map(({ id }) => id).sort(), runs.map(({ id }) => id).sort());
    for (const run of all) {
      assert.equal(run.attempt, 2);
      assert.deepEqual(await store.runs.get(run.id), run);
    }
  });

  test('tells what an earlier adoption has done when it is repeated, and does nothing more', async (store) => {
    const [kept, taken, ended, given] = await stored(store, [1, 2, 3, 4]) as [Run, Run, Run, Run];
    await store.runs.adopt([retry(taken)], BY_C);
    const adoptions = [retry(kept), retry(taken), retry(ended), abandon(given)];
    const done = await store.runs.adopt(adoptions, BY_B);
    const [first, second] = done.runs as [Run, Run];
    assert.deepEqual([first.id, second.id], [kept.id, ended.id]);
    assert.deepEqual(done.abandoned, [given.id]);
    assert.deepEqual(await store.runs.adopt(adoptions, BY_B), done);
    await store.runs.record([outcomeOf(second)]);
    const left = { runs: [first], abandoned: [given.id] };
    assert.deepEqual(await store.runs.adopt(adoptions, BY_B), left, 'what has ended is not to be run');
    await store.runs.adopt([retry(first)], BY_C);
    const others = { runs: [], abandoned: [given.id] };
    assert.deepEqual(await store.runs.adopt(adoptions, BY_B), others, 'it is the other’s by now');
    assert.deepEqual(await store.runs.adopt([], BY_B), NOTHING);
  });

  test('does not adopt what has changed since it was found', async (store) => {
    const [done, gone] = await stored(store, [1, 2]) as [Run, Run];
    await store.runs.record([outcomeOf(done)]);
    const { runs: [later] } = await store.runs.adopt([retry(gone)], BY_C);
    const adoptions = [retry(done), retry(gone), abandon(done), abandon(gone)];
    assert.deepEqual(await store.runs.adopt(adoptions, BY_B), NOTHING);
    assert.deepEqual(await store.runs.get(gone.id), later);
    assert.equal((await store.runs.get(done.id) as Run | null)?.state, 'succeeded');
  });

  test('tells the abandoned run of the one that has ended it, when two want to', async (store, connect) => {
    const [run] = await stored(store, [1]) as [Run];
    const later: Adoption = { ...abandon(run), at: at(61) };
    assert.deepEqual((await store.runs.adopt([abandon(run)], BY_C)).abandoned, [run.id]);
    assert.deepEqual(await connect().runs.adopt([later], BY_B), NOTHING);
    assert.deepEqual((await store.runs.adopt([abandon(run)], BY_C)).abandoned, [run.id], 'asked again');
  });

  test('a run that was adopted is not taken for one that its adopter has claimed', async (store) => {
    const { schedule, runs: [run] } = await claims(store, [1]);
    const found = run as Run;
    const { grant } = await next(store);
    await store.runs.adopt([retry(found)], { replica: 'b', boot: grant.boot, term: grant.term });
    const again = claimed('job', 1, grant);
    const claim = batch(grant, [request(schedule, [again])], { mayBeClaimed: true });
    const { runs, duplicates } = committed(await store.claims.claim(claim));
    assert.deepEqual([runs, duplicates], [[], [found.id]]);
    assert.deepEqual(await store.claims.resolve([again], grant.boot), []);
  });
}

async function claims(store: Store, seconds: number[]) {
  const { grant } = await lead(store, 'a');
  const schedule = await create(store, 'job');
  const runs = seconds.map((second) => claimed('job', second, grant));
  await store.claims.claim(batch(grant, [request(schedule, runs)]));
  return { grant, schedule, runs };
}

/** Runs of replica a, which was never seen. */
async function stored(store: Store, seconds: number[]): Promise<Run[]> {
  return (await claims(store, seconds)).runs;
}

/** Replica b leads, after a. */
async function next(store: Store) {
  await store.lease.release({ holder: 'a', boot: 'boot-a', term: 1 }, 'released');
  return await lead(store, 'b');
}

async function orphans(
  store: Store,
  more: { exceptBoot?: string; deadAfterMs?: number; limit?: number } = {},
) {
  return await store.runs.orphans({ exceptBoot: 'boot-b', deadAfterMs: LONG_MS, limit: 99, ...more });
}

async function announce(store: Store, id: string): Promise<void> {
  const started_at = new Date(1);
  await store.presence.announce({
    id,
    boot: `boot-${id}`,
    role: 'follower',
    address: '',
    version: '1',
    started_at,
    transitions: [],
    transition_count: 0,
    lease_timing: null,
    warnings: [],
  });
}

function retry(run: Run): Adoption {
  return { how: 'retry', run, at: AT };
}

function abandon(run: Run): Adoption {
  return { how: 'abandon', run, at: AT, reason: 'executor_lost', expireAt: at(86_400) };
}
