/** Overlaps and limits, as decided within a claim; and turns. */
import assert from 'node:assert/strict';
import type { Store } from '../../../src/actors/store.ts';
import type { Grant } from '../../../src/domain/leadership/lease.ts';
import { taken } from '../../../src/domain/runs/life.ts';
import { MAX_QUEUED } from '../../../src/domain/runs/overlap.ts';
import { OPEN_STATES, type Run } from '../../../src/domain/runs/run.ts';
import type { Policy } from '../../../src/domain/schedules/policy.ts';
import type { Schedule } from '../../../src/domain/schedules/schedule.ts';
import {
  at,
  batch,
  claim,
  create,
  lead,
  occurrence,
  outcomeOf,
  replace,
  request,
  type Test,
  UNOWNED,
  withPolicy,
} from '../support.ts';

export function overlapCases(test: Test): void {
  test('claims runs that found no place, for any executor', async (store) => {
    const { grant, schedule } = await ready(store, 'allow');
    const [own, other] = [
      occurrence(schedule, 1, grant),
      occurrence(schedule, 2, grant, { waiting_for: 'place', ...UNOWNED }),
    ];
    const { runs } = await claim(store, grant, schedule, own, other);
    assert.deepEqual(runs, [own, other]);
    assert.deepEqual(
      await store.claims.resolve([own, other]),
      [own, other],
      'it is of this claim',
    );
    const { runs: found } = await store.runs.available({ availableAt: at(9), limit: 9 });
    assert.deepEqual(found, [other]);
  });

  test(
    'knows the runs of a claim without an answer, although they were made to wait and another executor has them',
    async (store, connect) => {
      const { grant, schedule } = await ready(store, 'queue');
      const [first, second] = [occurrence(schedule, 1, grant), occurrence(schedule, 2, grant)];
      const { runs: [, waiting] } = await claim(store, grant, schedule, first, second);
      assert.equal(waiting?.waiting_for, 'overlap');
      await store.runs.record([outcomeOf(first)]);
      await store.runs.passTurns([schedule]);
      const turn = await store.runs.get(second.id) as Run;
      await connect().runs.change([taken(turn, { replica: 'b', boot: 'boot-b' })]);
      const ids = (await store.claims.resolve([first, second])).map(({ id }) => id);
      assert.deepEqual(ids, [first.id, second.id]);
    },
  );

  test('skip: claims one of a batch, and none while that is open', async (store) => {
    const { grant, schedule } = await ready(store, 'skip');
    const due = [1, 2, 3].map((second) => occurrence(schedule, second, grant));
    const { runs } = await claim(store, grant, schedule, ...due);
    assert.deepEqual(told(runs), ['1 claimed', '2 skipped overlap', '3 skipped overlap']);
    assert.deepEqual(told(await all(store)), told(runs));
    const { expire_at, finished_at, work, attempt } = runs[1] as Run;
    assert.ok(expire_at !== null && finished_at !== null && work === null && attempt === 0);
    assert.deepEqual(told((await claim(store, grant, schedule, occurrence(schedule, 4, grant))).runs), [
      '4 skipped overlap',
    ]);
    await store.runs.record([outcomeOf(due[0] as Run, { state: 'failed', retry_at: at(99) })]);
    const retried = await claim(store, grant, schedule, occurrence(schedule, 5, grant));
    assert.deepEqual(told(retried.runs), ['5 skipped overlap'], 'one that is to be tried again is open');
    await store.schedules.remove('job');
    const again = await create(store, 'job', withPolicy({ overlap: 'skip' }));
    const fresh = await claim(store, grant, again, occurrence(again, 6, grant));
    assert.deepEqual(told(fresh.runs), ['6 claimed'], 'another schedule of that id');
  });

  test('skip: claims again once that has ended', async (store) => {
    const { grant, schedule } = await ready(store, 'skip');
    const first = occurrence(schedule, 1, grant);
    await claim(store, grant, schedule, first);
    await store.runs.record([outcomeOf(first)]);
    const { runs } = await claim(store, grant, schedule, occurrence(schedule, 2, grant));
    assert.deepEqual(told(runs), ['2 claimed']);
  });

  test('queue: lets each wait for its turn, and gives it to the oldest', async (store) => {
    const { grant, schedule } = await ready(store, 'queue');
    const due = [1, 2, 3].map((second) => occurrence(schedule, second, grant));
    const { runs } = await claim(store, grant, schedule, ...due);
    assert.deepEqual(told(runs), ['1 claimed', '2 waits overlap', '3 waits overlap']);
    await claim(store, grant, schedule, occurrence(schedule, 4, grant));
    await store.runs.passTurns([schedule]);
    await store.runs.passTurns();
    assert.deepEqual(told(await all(store)).slice(1), [
      '2 waits overlap',
      '3 waits overlap',
      '4 waits overlap',
    ]);
    for (const turn of [2, 3, 4]) {
      const live = (await all(store)).find(({ executor_boot, state }) =>
        executor_boot !== null && OPEN_STATES.includes(state)
      );
      if (live) await store.runs.record([outcomeOf(live)]);
      await store.runs.passTurns([schedule]);
      await store.runs.passTurns([schedule]);
      const { runs: [next, ...more] } = await store.runs.available({ availableAt: at(99), limit: 9 });
      assert.deepEqual([told([next as Run]), more], [[`${turn} waits place`], []]);
      const own = { replica: 'a', boot: 'boot-a' };
      const set = { waiting_for: null, executor: own.replica, executor_boot: own.boot, attempt: 1 };
      await store.runs.change([{ run: next as Run, set }]);
    }
  });

  test('queue: 100 wait at most', async (store) => {
    const { grant, schedule } = await ready(store, 'queue');
    const due = Array.from({ length: MAX_QUEUED + 3 }, (_, k) => occurrence(schedule, k, grant));
    const { runs } = await claim(store, grant, schedule, ...due.slice(0, 50));
    const rest = await claim(store, grant, schedule, ...due.slice(50));
    const ends = told([...runs, ...rest.runs]);
    assert.equal(ends[0], '0 claimed');
    assert.deepEqual(ends.slice(1, 101).filter((end) => !end.endsWith('waits overlap')), []);
    assert.deepEqual(ends.slice(101), ['101 skipped overlap', '102 skipped overlap']);
  });

  test('replace: the newest of a batch waits for the end of what is live, and the others are skipped', async (store) => {
    const { grant, schedule } = await ready(store, 'replace');
    const live = occurrence(schedule, 1, grant);
    await claim(store, grant, schedule, live);
    await claim(store, grant, schedule, occurrence(schedule, 2, grant));
    assert.deepEqual(told(await all(store)), ['1 to abort replaced', '2 waits overlap']);
    assert.deepEqual((await store.runs.toCancel('boot-a')).map(({ id }) => id), [live.id]);
    const due = [3, 4].map((second) => occurrence(schedule, second, grant));
    const { runs } = await claim(store, grant, schedule, ...due);
    assert.deepEqual(told(runs), ['3 skipped overlap', '4 waits overlap']);
    assert.deepEqual(told(await all(store)), [
      '1 to abort replaced',
      '2 skipped overlap',
      '3 skipped overlap',
      '4 waits overlap',
    ]);
    await store.runs.record([outcomeOf(live, { state: 'cancelled' })]);
    await store.runs.passTurns();
    assert.deepEqual(told(await all(store)).slice(-1), ['4 waits place']);
  });

  test('replace: takes the place of what has not begun', async (store) => {
    const { grant, schedule } = await ready(store, 'replace');
    const waits = occurrence(schedule, 1, grant, { waiting_for: 'place', ...UNOWNED });
    await claim(store, grant, schedule, waits);
    await claim(store, grant, schedule, occurrence(schedule, 2, grant));
    assert.deepEqual(told(await all(store)), ['1 skipped overlap', '2 claimed']);
  });

  test('leaves runs alone that may overlap, and other schedules', async (store) => {
    const { grant, schedule } = await ready(store, 'queue');
    const other = await create(store, 'other', withPolicy({ overlap: 'queue' }));
    await claim(store, grant, other, occurrence(other, 1, grant));
    await claim(store, grant, schedule, occurrence(schedule, 2, grant, { overlap: null }));
    const { runs } = await claim(store, grant, schedule, occurrence(schedule, 3, grant));
    assert.deepEqual(told(runs), ['3 claimed']);
  });

  test('does not decide anew on runs of a claim that is repeated', async (store) => {
    for (const overlap of ['skip', 'queue', 'replace'] as const) {
      const id = `job-${overlap}`;
      const { grant, schedule } = await ready(store, overlap, id);
      const due = [1, 2, 3].map((second) => occurrence(schedule, second, grant));
      const it = batch(grant, [request(schedule, due)], { mayBeClaimed: true });
      const first = await store.claims.claim(it);
      const before = await all(store, id);
      const again = await store.claims.claim(it);
      assert.ok(first.kind === 'committed' && again.kind === 'committed');
      assert.deepEqual(again.runs, first.runs);
      assert.deepEqual(await all(store, id), before);
      await store.lease.release(grant, 'released');
    }
  });

  test('gives a turn once, when several replicas pass it on', async (store, connect) => {
    const { grant, schedule } = await ready(store, 'queue');
    const due = [1, 2, 3].map((second) => occurrence(schedule, second, grant));
    await claim(store, grant, schedule, ...due);
    await store.runs.record([outcomeOf(due[0] as Run)]);
    await Promise.all([store, connect(), connect()].map((each) => each.runs.passTurns([schedule])));
    assert.deepEqual(told(await all(store)), ['1 succeeded', '2 waits place', '3 waits overlap']);
  });

  test('never lets two begin, whatever is claimed while a run ends', async (store, connect) => {
    const { grant, schedule } = await ready(store, 'queue');
    const executor = connect();
    let live = occurrence(schedule, 0, grant);
    await claim(store, grant, schedule, live);
    for (let second = 1; second <= 15; second++) {
      await Promise.all([
        claim(store, grant, schedule, occurrence(schedule, second, grant)),
        executor.runs.record([outcomeOf(live)]).then(() => executor.runs.passTurns([schedule])),
      ]);
      await executor.runs.passTurns();
      const open = (await all(store)).filter(({ state }) => OPEN_STATES.includes(state));
      const begun = open.filter(({ waiting_for }) => waiting_for !== 'overlap');
      assert.deepEqual(told(begun).map((end) => end.split(' ')[0]), [`${second}`]);
      const [next] = begun as [Run];
      if (next.executor_boot !== null) live = next;
      else {
        const set = { waiting_for: null, executor: 'a', executor_boot: 'boot-a', attempt: 1 };
        live = (await store.runs.change([{ run: next, set }]))[0] as Run;
      }
    }
  });

  test('claims as many runs as a schedule may have, and says when it has had them', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job', withPolicy({}, { max_runs: 3 }));
    const due = (...seconds: number[]) => seconds.map((second) => occurrence(schedule, second, grant));
    const first = await claim(store, grant, schedule, ...due(1, 2));
    assert.deepEqual([told(first.runs), first.exhausted], [['1 claimed', '2 claimed'], []]);
    const last = await claim(store, grant, schedule, ...due(3, 4));
    assert.deepEqual([told(last.runs), last.exhausted], [['3 claimed'], ['job']]);
    const more = await claim(store, grant, schedule, ...due(5));
    assert.deepEqual([more.runs, more.exhausted], [[], ['job']]);
    await store.lease.release(grant, 'released');
    const next = await lead(store, 'b');
    const after = await claim(store, next.grant, schedule, occurrence(schedule, 6, next.grant));
    assert.deepEqual([after.runs, after.exhausted], [[], ['job']], 'nor does the next leader');
    assert.equal((await all(store)).length, 3);
  });

  test('counts what is run, and neither what is recorded nor what is claimed twice', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job', withPolicy({ overlap: 'skip' }, { max_runs: 2 }));
    const missed = occurrence(schedule, 1, grant, {
      state: 'missed',
      reason: 'catch_up_window',
      attempt: 0,
      overlap: null,
    });
    const due = [2, 3].map((second) => occurrence(schedule, second, grant));
    const it = batch(grant, [request(schedule, [missed, ...due])], { mayBeClaimed: true });
    for (let call = 0; call < 3; call++) {
      const result = await store.claims.claim(it);
      assert.ok(result.kind === 'committed');
      assert.deepEqual(told(result.runs), ['1 missed catch_up_window', '2 claimed', '3 skipped overlap']);
      assert.deepEqual(result.exhausted, []);
    }
    await store.runs.record([outcomeOf(due[0] as Run)]);
    const last = await claim(store, grant, schedule, occurrence(schedule, 4, grant));
    assert.deepEqual([told(last.runs), last.exhausted], [['4 claimed'], ['job']]);
  });

  test('claims more once the limit is raised, and begins anew with another schedule of that id', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job', withPolicy({}, { max_runs: 1 }));
    await claim(store, grant, schedule, occurrence(schedule, 1, grant));
    const raised = await replace(store, 'job', withPolicy({}, { max_runs: 2 }));
    const more = await claim(
      store,
      grant,
      raised,
      ...[2, 3].map((second) => occurrence(raised, second, grant)),
    );
    assert.deepEqual([told(more.runs), more.exhausted], [['2 claimed'], ['job']]);
    await store.schedules.remove('job');
    const again = await create(store, 'job', withPolicy({}, { max_runs: 1 }));
    const fresh = await claim(store, grant, again, occurrence(again, 4, grant));
    assert.deepEqual([told(fresh.runs), fresh.exhausted], [['4 claimed'], ['job']]);
  });

  test('records what a replaced timing owed, also of a schedule that has had all its runs', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job', withPolicy({}, { max_runs: 1 }));
    const superseded = occurrence(schedule, 2, grant, { state: 'skipped', reason: 'superseded', attempt: 0 });
    const { runs } = await claim(store, grant, schedule, occurrence(schedule, 1, grant), superseded);
    assert.deepEqual(told(runs), ['1 claimed', '2 skipped superseded']);
  });
}

async function ready(
  store: Store,
  overlap: Policy['overlap'],
  id = 'job',
): Promise<{ grant: Grant; schedule: Schedule }> {
  const { grant } = await lead(store, 'a');
  return { grant, schedule: await create(store, id, withPolicy({ overlap })) };
}

/** All runs of a schedule, oldest first. */
async function all(store: Store, scheduleId = 'job'): Promise<Run[]> {
  return (await store.runs.list({ scheduleId, limit: 999, cursor: null })).items.reverse();
}

/** `second state`, and why, or what it waits for. */
function told(runs: readonly Run[]): string[] {
  return runs.map(({ scheduled_for, state, reason, waiting_for, is_last_attempt }) => {
    const second = (scheduled_for.getTime() - at(0).getTime()) / 1000;
    if (waiting_for !== null) return `${second} waits ${waiting_for}`;
    if (is_last_attempt && OPEN_STATES.includes(state)) return `${second} to abort ${reason}`;
    return `${second} ${state}${reason === null ? '' : ` ${reason}`}`;
  });
}
