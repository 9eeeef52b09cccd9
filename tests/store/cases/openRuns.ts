/** Searches among open runs: what may be taken, what is to be aborted, and what a dead executor has left. */
import assert from 'node:assert/strict';
import type { Store } from '../../../src/actors/store.ts';
import { cancelled, lost, taken } from '../../../src/domain/runs/life.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { announcement } from '../../support/replicas.ts';
import {
  at,
  claim,
  create,
  eventually,
  lead,
  LONG_MS,
  occurrence,
  outcomeOf,
  type Test,
  UNOWNED,
} from '../support.ts';

export function openRunCases(test: Test): void {
  test('finds what is available, the oldest first, and when the next will be', async (store) => {
    const { runs } = await waiting(store, ['job 3', 'job 1', 'job 2', 'other 2']);
    const found = await store.runs.available({ availableAt: at(2), limit: 9 });
    assert.deepEqual(found, { runs: [runs['job 1'], runs['job 2'], runs['other 2']], nextAt: at(3) });
    assert.deepEqual(await store.runs.available({ availableAt: at(0), limit: 9 }), {
      runs: [],
      nextAt: at(1),
    });
    const all = await store.runs.available({ availableAt: at(9), limit: 9 });
    assert.deepEqual([all.runs.length, all.nextAt], [4, null]);
  });

  test('finds the oldest of each schedule, behind whatever another one has waiting', async (store) => {
    const many = Array.from({ length: 20 }, (_, k) => `slow ${k}`);
    await waiting(store, [...many, 'quick 30', 'quick 31', 'rare 40', 'later 99']);
    const { runs, nextAt } = await store.runs.available({ availableAt: at(50), limit: 3 });
    assert.deepEqual(named(runs).sort(), ['quick 30', 'rare 40', 'slow 0', 'slow 1', 'slow 2']);
    assert.deepEqual(named(runs).filter((name) => name.startsWith('slow')), ['slow 0', 'slow 1', 'slow 2']);
    assert.deepEqual(nextAt, at(99));
    const two = await store.runs.available({ availableAt: at(50), limit: 2 });
    assert.deepEqual(
      named(two.runs).sort(),
      ['quick 30', 'slow 0', 'slow 1'],
      'up to that many of each kind',
    );
  });

  test('finds every run that waits, but for its turn', async (store) => {
    const { grant, schedules } = await waiting(store, ['job 1']);
    const schedule = schedules.job as Schedule;
    const more = (['jitter', 'overlap'] as const).map((waiting_for, k) =>
      occurrence(schedule, k + 2, grant, { waiting_for, ...UNOWNED })
    );
    const [failing, live, dead] = [4, 5, 6].map((second) => occurrence(schedule, second, grant)) as [
      Run,
      Run,
      Run,
    ];
    await claim(store, grant, schedule, ...more, failing, live, dead);
    await store.runs.record([outcomeOf(failing, { state: 'failed', retry_at: at(7) })]);
    await store.runs.change([lost(dead, at(60))]);
    const found = await store.runs.available({ availableAt: at(99), limit: 9 });
    assert.deepEqual(named(found.runs), ['job 1', 'job 2', 'job 6', 'job 4']);
    assert.deepEqual(found.runs.map((run) => run.waiting_for), ['place', 'jitter', 'place', 'retry']);
    assert.deepEqual((await store.runs.available({ availableAt: at(6), limit: 9 })).nextAt, at(7));
  });

  test('finds nothing that was taken, cancelled or has ended', async (store) => {
    const { runs } = await waiting(store, ['job 1', 'job 2', 'job 3']);
    await store.runs.change([
      taken(runs['job 1'] as Run, { replica: 'b', boot: 'boot-b' }),
      cancelled(runs['job 2'] as Run, 'requested', at(60)),
    ]);
    assert.deepEqual(named((await store.runs.available({ availableAt: at(9), limit: 9 })).runs), ['job 3']);
  });

  test('finds the attempts of a boot that are to be aborted, and no others', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const [asked, done, free, gone] = [1, 2, 3, 4].map((second) =>
      occurrence(schedule, second, grant)
    ) as Run[];
    const other = occurrence(schedule, 5, grant, { executor: 'b', executor_boot: 'boot-b' });
    const waits = occurrence(schedule, 6, grant, { waiting_for: 'place', ...UNOWNED });
    await claim(store, grant, schedule, asked!, done!, free!, gone!, other, waits);
    await store.runs.change([asked!, done!, other, waits].map((run) => cancelled(run, 'requested', at(60))));
    await store.runs.change([{ run: gone!, set: { is_last_attempt: true } }]);
    await store.runs.record([outcomeOf(done!, { state: 'cancelled' })]);
    assert.deepEqual((await store.runs.toCancel('boot-a')).map(({ id }) => id), [asked!.id]);
    assert.deepEqual((await store.runs.toCancel('boot-b')).map(({ id }) => id), [other.id]);
    assert.deepEqual(await store.runs.toCancel('boot-c'), []);
  });

  test('finds the open runs of executors that are not seen any more, oldest first', async (store) => {
    const runs = await owned(store, [3, 1, 2, 4]);
    await store.runs.record([outcomeOf(runs[2] as Run)]);
    await store.runs.recordStarts([
      { run_id: runs[3]!.id, attempt: 1, executor_boot: 'boot-a', started_at: at(5), lateness_ms: 0 },
    ]);
    const running = { ...runs[3], state: 'running', started_at: at(5) };
    assert.deepEqual(await orphans(store), [runs[1], runs[0], running]);
    assert.deepEqual(await orphans(store, { limit: 1 }), [runs[1]]);
    assert.deepEqual(await orphans(store, { exceptBoot: 'boot-a' }), [], 'its own runs are no orphans');
  });

  test('finds no orphan that waits: it has no executor', async (store) => {
    const { grant, schedules } = await waiting(store, ['job 1', 'job 2']);
    const schedule = schedules.job as Schedule;
    const [queued, failing, dead] = [
      occurrence(schedule, 3, grant, { waiting_for: 'overlap', ...UNOWNED }),
      occurrence(schedule, 4, grant),
      occurrence(schedule, 5, grant),
    ];
    await claim(store, grant, schedule, queued, failing, dead);
    await store.runs.record([outcomeOf(failing, { state: 'failed', retry_at: at(9) })]);
    await store.runs.change([lost(dead, at(60))]);
    assert.deepEqual(await orphans(store), []);
  });

  test('finds no orphan of an executor that is seen, but when it was not for long', async (store) => {
    const runs = await owned(store, [1]);
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
}

/** Claims a run without a place for each `schedule second`. */
async function waiting(store: Store, wanted: string[]) {
  const { grant } = await lead(store, 'a');
  const schedules: Record<string, Schedule> = {};
  const runs: Record<string, Run> = {};
  for (const name of wanted) {
    const [id, second] = name.split(' ') as [string, string];
    const schedule = schedules[id] ??= await create(store, id);
    runs[name] = occurrence(schedule, Number(second), grant, { waiting_for: 'place', ...UNOWNED });
  }
  for (const [id, schedule] of Object.entries(schedules)) {
    await claim(store, grant, schedule, ...Object.values(runs).filter((run) => run.schedule_id === id));
  }
  return { grant, schedules, runs };
}

const named = (runs: readonly Run[]) =>
  runs.map(({ schedule_id, scheduled_for }) =>
    `${schedule_id} ${(scheduled_for.getTime() - at(0).getTime()) / 1000}`
  );

/** Runs of replica a, which was never seen. */
async function owned(store: Store, seconds: number[]): Promise<Run[]> {
  const { grant } = await lead(store, 'a');
  const schedule = await create(store, 'job');
  const runs = seconds.map((second) => occurrence(schedule, second, grant));
  await claim(store, grant, schedule, ...runs);
  return runs;
}

async function orphans(
  store: Store,
  more: { exceptBoot?: string; deadAfterMs?: number; limit?: number } = {},
) {
  return await store.runs.orphans({ exceptBoot: 'boot-b', deadAfterMs: LONG_MS, limit: 99, ...more });
}

async function announce(store: Store, id: string): Promise<void> {
  await store.presence.announce(announcement(id, { boot: `boot-${id}` }));
}
