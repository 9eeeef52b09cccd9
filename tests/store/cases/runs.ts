import assert from 'node:assert/strict';
import type { RunQuery, ScheduleKey } from '../../../src/actors/runs/runStore.ts';
import type { Store } from '../../../src/actors/store.ts';
import { BadCursor } from '../../../src/domain/shared/cursor.ts';
import type { Grant } from '../../../src/domain/leadership/lease.ts';
import { settledBy } from '../../../src/domain/runs/outcome.ts';
import { type Run, runId } from '../../../src/domain/runs/run.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { at, batch, claimed, create, lead, outcomeOf, request, type Test } from '../support.ts';

export function runCases(test: Test): void {
  test('records an outcome of the present attempt by its boot, once', async (store) => {
    const [run] = await stored(store, [['job', 1]]) as [Run];
    const outcome = outcomeOf(run);
    for (
      const late of [{ attempt: 2 }, { attempt: 0 }, { executor_boot: 'boot-b' }, { run_id: 'job@never' }]
    ) {
      assert.equal((await store.runs.record([outcomeOf(run, late)])).length, 0);
    }
    assert.deepEqual(await store.runs.get(run.id), run);
    assert.deepEqual(await store.runs.record([outcome]), [outcome]);
    assert.deepEqual(await store.runs.record([outcome]), [outcome], 'the first answer may have been lost');
    const ended = { ...run, ...settledBy(outcome, run) };
    assert.deepEqual(await store.runs.get(run.id), ended);
    assert.equal((await store.runs.record([outcomeOf(run, { state: 'failed', error: 'late' })])).length, 0);
    assert.deepEqual(await store.runs.get(run.id), ended);
  });

  test('records many outcomes at once, and counts those that were', async (store) => {
    const runs = await stored(store, [['job', 1], ['job', 2], ['job', 3]]);
    const outcomes = runs.map((run, i) => outcomeOf(run, i === 1 ? { attempt: 7 } : {}));
    assert.equal((await store.runs.record(outcomes)).length, 2);
    assert.equal((await store.runs.record([])).length, 0);
    assert.deepEqual((await store.runs.list({ states: ['claimed'], limit: 9, cursor: null })).items, [
      runs[1],
    ]);
  });

  test('lists the newest first, in pages, by schedule and state', async (store) => {
    const runs = await stored(store, [['a', 1], ['b', 1], ['a', 2], ['b', 3], ['a', 3]]);
    await store.runs.record([outcomeOf(runs[0] as Run)]);
    assert.deepEqual(await pages(store, { limit: 2 }), [['b 3', 'a 3'], ['a 2', 'b 1'], ['a 1']]);
    assert.deepEqual(await pages(store, { limit: 5 }), [['b 3', 'a 3', 'a 2', 'b 1', 'a 1']]);
    assert.deepEqual(await pages(store, { limit: 2, scheduleId: 'a' }), [['a 3', 'a 2'], ['a 1']]);
    assert.deepEqual(await pages(store, { limit: 2, states: ['claimed'] }), [['b 3', 'a 3'], ['a 2', 'b 1']]);
    assert.deepEqual(await pages(store, { limit: 2, states: ['succeeded', 'failed'] }), [['a 1']]);
    assert.deepEqual(await pages(store, { limit: 2, scheduleId: 'b', states: ['succeeded'] }), [[]]);
    await assert.rejects(store.runs.list({ limit: 2, cursor: 'nonsense' }), BadCursor);
  });

  test('lists those of a time, from its beginning to before its end, in pages', async (store) => {
    await stored(store, [['a', 1], ['b', 1], ['a', 2], ['b', 2], ['a', 3], ['b', 4]]);
    const [from, to] = [at(1), at(3)];
    assert.deepEqual(await pages(store, { limit: 3, from, to }), [['b 2', 'a 2', 'b 1'], ['a 1']]);
    assert.deepEqual(await pages(store, { limit: 1, from: at(2), scheduleId: 'a' }), [['a 3'], ['a 2']]);
    assert.deepEqual(await pages(store, { limit: 2, to: at(2), states: ['claimed'] }), [['b 1', 'a 1']]);
    assert.deepEqual(await pages(store, { limit: 2, from: at(3), to: at(3) }), [[]]);
  });

  test('finds some recent runs of each stored schedule, newest first, in short', async (store) => {
    const runs = await stored(store, [['a', 1], ['b', 1], ['a', 2], ['c', 5], ['a', 3]]);
    await create(store, 'idle');
    await store.schedules.remove('c');
    const short = (id: string, second: number) => ({
      id: runId(id, at(second)),
      scheduled_for: at(second),
      state: 'claimed' as const,
      lateness_ms: 0,
    });
    assert.deepEqual(
      await store.runs.recent(keys(['a', 'b', 'c', 'idle', 'none'], runs), 2),
      new Map([['a', [short('a', 3), short('a', 2)]], ['b', [short('b', 1)]]]),
    );
    assert.deepEqual(await store.runs.recent([], 2), new Map());
  });

  test('finds the newest run of each schedule', async (store) => {
    const runs = await stored(store, [['a', 1], ['b', 1], ['a', 2], ['c', 5]]);
    const latest = await store.runs.latest(keys(['a', 'b', 'none'], runs));
    assert.deepEqual(latest, new Map([['a', runs[2]], ['b', runs[1]]]));
    assert.deepEqual(await store.runs.latest([]), new Map());
    assert.equal(await store.runs.get('a@never'), null);
  });

  test('tells the runs of a schedule from those of an earlier one of its id', async (store) => {
    const { grant } = await lead(store, 'a');
    /** One after the other, each with two runs, `offsetsMs` after it was made; the last one has none. */
    const lives: Schedule[] = [];
    const runs: Run[] = [];
    for (const offsetsMs of [[3_600_000, 7_200_000], [1, 2], []]) {
      const schedule = await create(store, 'job');
      const own = offsetsMs.map((ms) => runOf(schedule, ms, grant));
      await store.claims.claim(batch(grant, [request(schedule, own)]));
      lives.push(schedule);
      runs.push(...own);
      await store.schedules.remove('job');
    }
    const stored = await create(store, 'job');
    const latestOf = async (schedule: Schedule) => (await store.runs.latest([schedule])).get('job')?.id;
    const recentOf = async (schedule: Schedule) =>
      (await store.runs.recent([schedule], 5)).get('job')?.map(({ id }) => id);
    const [first, second, third] = lives as [Schedule, Schedule, Schedule];
    assert.deepEqual([await latestOf(first), await recentOf(first)], [runs[1]?.id, [
      runs[1]?.id,
      runs[0]?.id,
    ]]);
    // Its runs are for earlier times than those of the first, as after the server's clock was set back.
    assert.deepEqual([await latestOf(second), await recentOf(second)], [runs[3]?.id, [
      runs[3]?.id,
      runs[2]?.id,
    ]]);
    assert.deepEqual([await latestOf(third), await recentOf(third)], [undefined, undefined]);
    assert.deepEqual([await latestOf(stored), await recentOf(stored)], [undefined, undefined]);
    const listed = await store.runs.list({ scheduleId: 'job', limit: 9, cursor: null });
    assert.equal(listed.items.length, 4, 'all of them are listed');
  });

  test('takes a run without the mark for one of the schedule that was there when it was claimed', async (store) => {
    const { grant } = await lead(store, 'a');
    const old = await create(store, 'job');
    const { schedule_created_at: _, ...run } = runOf(old, 1, grant);
    await store.claims.claim(batch(grant, [request(old, [run])]));
    assert.deepEqual((await store.runs.latest([old])).get('job'), run);
    const made = { ...old, created_at: new Date(run.claimed_at.getTime() + 1) };
    assert.deepEqual(await store.runs.latest([made]), new Map());
    assert.deepEqual(await store.runs.recent([made], 5), new Map());
  });
}

/** A run for a time that long after its schedule was made, claimed then. */
function runOf(schedule: Schedule, afterMs: number, grant: Grant): Run {
  const atMs = new Date(schedule.created_at.getTime() + afterMs);
  return {
    ...claimed(schedule.id, 0, grant),
    id: runId(schedule.id, atMs),
    schedule_created_at: schedule.created_at,
    ...{ scheduled_for: atMs, since: atMs, claimed_at: atMs },
  };
}

/** The schedules of these ids, as their runs name them. */
function keys(ids: string[], runs: readonly Run[]): ScheduleKey[] {
  return ids.map((id) => ({
    id,
    created_at: runs.find((run) => run.schedule_id === id)?.schedule_created_at ?? new Date(0),
  }));
}

/** Claims a run for each [schedule, second]. */
async function stored(store: Store, wanted: [string, number][]): Promise<Run[]> {
  const { grant } = await lead(store, 'a');
  const created = new Map<string, Schedule>();
  for (const [id] of wanted) if (!created.has(id)) created.set(id, await create(store, id));
  const runs = wanted.map(([id, second]) =>
    claimed(id, second, grant, { schedule_created_at: (created.get(id) as Schedule).created_at })
  );
  for (const [id, schedule] of created) {
    await store.claims.claim(batch(grant, [request(schedule, runs.filter((run) => run.schedule_id === id))]));
  }
  return runs;
}

/** All pages of a list, as `schedule second`. */
async function pages(store: Store, query: Omit<RunQuery, 'cursor'>): Promise<string[][]> {
  const all: string[][] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Store['runs']['list']>> = await store.runs.list({ ...query, cursor });
    all.push(
      page.items.map((run) => `${run.schedule_id} ${(run.scheduled_for.getTime() - at(0).getTime()) / 1000}`),
    );
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}
