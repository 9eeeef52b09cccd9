/** Requested runs, and what becomes of a schedule's open runs when it is deleted. */
import assert from 'node:assert/strict';
import type { Store } from '../../../src/actors/store.ts';
import { taken } from '../../../src/domain/runs/life.ts';
import { manualRun, rerunOf } from '../../../src/domain/runs/request.ts';
import { OPEN_STATES, type Run } from '../../../src/domain/runs/run.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import { parseDuration } from '../../../src/domain/timing/duration.ts';
import {
  at,
  claim,
  create,
  lead,
  occurrence,
  outcomeOf,
  replace,
  SPEC,
  type Test,
  UNOWNED,
  withPolicy,
} from '../support.ts';

const B = { replica: 'b', boot: 'boot-b' };

export function requestCases(test: Test): void {
  test('stores a requested run, which any executor may take', async (store) => {
    const schedule = await create(store, 'job');
    const run = asked(schedule, 'one');
    assert.equal(await store.runs.request(run), true);
    assert.deepEqual(await store.runs.get(run.id), run);
    assert.deepEqual(await availableIds(store), [run.id]);
  });

  test(
    'stores a request once, however often it is made, and whatever has become of it',
    async (store, connect) => {
      const schedule = await create(store, 'job');
      const run = asked(schedule, 'one');
      const answers = await Promise.all([store, connect(), connect()].map((each) => each.runs.request(run)));
      assert.deepEqual(answers, [true, true, true]);
      const [mine] = await store.runs.change([taken(run, B)]) as [Run];
      assert.equal(await store.runs.request(run), true);
      assert.deepEqual(await store.runs.get(run.id), mine);
      assert.equal((await store.runs.list({ limit: 9, cursor: null })).items.length, 1);
    },
  );

  test('stores none of a schedule that is gone, or was made again', async (store) => {
    const schedule = await create(store, 'job');
    await store.schedules.remove('job');
    assert.equal(await store.runs.request(asked(schedule, 'one')), false);
    const again = await create(store, 'job');
    assert.equal(await store.runs.request(asked(schedule, 'one')), false);
    assert.deepEqual((await store.runs.list({ limit: 9, cursor: null })).items, []);
    assert.equal(await store.runs.request(asked(again, 'two')), true);
  });

  test('stores one of a schedule that has changed since it was read', async (store) => {
    const schedule = await create(store, 'job');
    await replace(store, 'job', { ...SPEC, name: 'other' });
    assert.equal(await store.runs.request(asked(schedule, 'one')), true);
  });

  test('stores a run that does another one again', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job');
    const run = occurrence(schedule, 1, grant);
    await claim(store, grant, schedule, run);
    await store.runs.record([outcomeOf(run, { state: 'failed', error: 'refused' })]);
    const again = rerunOf(await store.runs.get(run.id) as Run, at(60).getTime(), 'again');
    assert.equal(await store.runs.request(again), true);
    assert.deepEqual(await store.runs.get(again.id), again);
  });

  test('lets a request overlap with anything, unless it is asked to follow the policy', async (store) => {
    const schedule = await create(store, 'job', withPolicy({ overlap: 'skip' }));
    const request = async (tag: string, overlaps: boolean) => {
      const run = manualRun(schedule, at(0).getTime(), tag, overlaps);
      await store.runs.request(run);
      return (await store.runs.get(run.id) as Run).state;
    };
    assert.equal(await request('one', true), 'claimed', 'nothing is open');
    assert.equal(await request('two', true), 'skipped');
    assert.equal(await request('three', false), 'claimed');
  });

  for (const [overlap, rest] of [['skip', 'skipped'], ['queue', 'overlap']] as const) {
    test(`lets one of many requests at once begin: ${overlap}`, async (store, connect) => {
      const schedule = await create(store, 'job', withPolicy({ overlap }));
      const stores = [store, connect(), connect()];
      await Promise.all(
        Array.from(
          { length: 9 },
          (_, k) => stores[k % 3]!.runs.request(manualRun(schedule, at(k).getTime(), `${k}`, true)),
        ),
      );
      const { items } = await store.runs.list({ limit: 99, cursor: null });
      const ends = items.map(({ state, waiting_for }) => waiting_for ?? state).sort();
      assert.deepEqual(ends, [...Array(8).fill(rest), 'place'].sort());
    });
  }

  test('a deletion cancels every run that waits, and lets an attempt that is under way be the last', async (store) => {
    const { grant } = await lead(store, 'a');
    const brief = { ...SPEC, history: { success: '1h', failure: '2h' } };
    const [schedule, other] = [await create(store, 'job', brief), await create(store, 'other')];
    const waits = (second: number, waiting_for: Run['waiting_for']) =>
      occurrence(schedule, second, grant, { waiting_for, ...UNOWNED });
    const waiting = [waits(1, 'place'), waits(2, 'jitter'), waits(3, 'overlap')];
    const [live, retrying, done] = [4, 5, 6].map((second) => occurrence(schedule, second, grant)) as [
      Run,
      Run,
      Run,
    ];
    await claim(store, grant, schedule, ...waiting, live, retrying, done);
    await store.runs.record([
      outcomeOf(retrying, { state: 'failed', retry_at: at(3600) }),
      outcomeOf(done),
    ]);
    const request = asked(schedule, 'one');
    await store.runs.request(request);
    const foreign = asked(other, 'one');
    await store.runs.request(foreign);
    const before = await store.runs.get(done.id);

    await store.schedules.remove('job');
    for (const { id } of [...waiting, retrying, request]) {
      const run = await store.runs.get(id) as Run;
      assert.deepEqual([run.state, run.reason, run.waiting_for], ['cancelled', 'schedule_deleted', null], id);
      assert.ok(run.finished_at !== null && run.expire_at !== null);
      assert.equal(run.expire_at.getTime() - run.finished_at.getTime(), parseDuration('2h'), id);
    }
    assert.deepEqual(await store.runs.get(live.id), { ...live, is_last_attempt: true });
    assert.deepEqual(await store.runs.get(done.id), before);
    assert.deepEqual(await store.runs.get(foreign.id), foreign);
    assert.deepEqual(await availableIds(store), [foreign.id]);

    const failed = outcomeOf(live, { state: 'failed', retry_at: at(3600) });
    assert.deepEqual(await store.runs.record([failed]), [failed]);
    assert.equal((await store.runs.get(live.id) as Run).state, 'failed', 'it is not tried again');
  });

  test('a deletion leaves alone the runs of an earlier schedule of that id', async (store) => {
    const { grant } = await lead(store, 'a');
    const first = await create(store, 'job');
    const run = occurrence(first, 1, grant);
    await claim(store, grant, first, run);
    await store.schedules.remove('job');
    await create(store, 'job');
    const before = await store.runs.get(run.id);
    await store.schedules.remove('job');
    assert.deepEqual(await store.runs.get(run.id), before);
  });

  test(
    'a deletion that is answered leaves no run waiting, whatever is requested meanwhile',
    async (store, connect) => {
      const api = connect();
      for (let round = 0; round < 15; round++) {
        const schedule = await create(store, `job-${round}`);
        const requests = Array.from({ length: 4 }, (_, k) => asked(schedule, `${k}`));
        const removal = api.schedules.remove(schedule.id);
        const answers = await Promise.all(requests.map((run) => store.runs.request(run)));
        await removal;
        const { items } = await store.runs.list({ scheduleId: schedule.id, limit: 9, cursor: null });
        assert.equal(items.length, answers.filter(Boolean).length);
        assert.deepEqual(items.filter(({ state }) => OPEN_STATES.includes(state)), []);
      }
    },
  );
}

function asked(schedule: Schedule, tag: string): Run {
  return manualRun(schedule, at(60).getTime(), tag);
}

async function availableIds(store: Store): Promise<string[]> {
  const { runs } = await store.runs.available({ availableAt: at(86_400), limit: 99 });
  return runs.map(({ id }) => id);
}
