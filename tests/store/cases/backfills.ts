import assert from 'node:assert/strict';
import { MAX_RUNNING } from '../../../src/actors/runs/backfillStore.ts';
import { advanceBackfill, advanceBackfills } from '../../../src/actors/runs/backfilling.ts';
import type { Store } from '../../../src/actors/store.ts';
import { type Backfill, backfillOf } from '../../../src/domain/runs/backfill.ts';
import type { BackfillRequest } from '../../../src/domain/runs/backfillRequest.ts';
import { cancelled, taken } from '../../../src/domain/runs/life.ts';
import { manualRun } from '../../../src/domain/runs/request.ts';
import { OPEN_STATES, type Run, runId } from '../../../src/domain/runs/run.ts';
import { isUnderstood, type Schedule } from '../../../src/domain/schedules/schedule.ts';
import { DEFAULT_POLICY } from '../../../src/domain/schedules/policy.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { at, batch, create, lead, LONG_MS, request, type Test } from '../support.ts';

export function backfillCases(test: Test): void {
  test('makes the runs of a range, oldest first, never more at a time than it may', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = await begun(store, schedule, 5, { max_concurrent: 2 });
    assert.equal(backfill.total, 5);
    await advanceBackfill(store.backfills, backfill.id);
    const first = await openRuns(store);
    assert.deepEqual(first.map(({ id }) => id), [5, 4].map((ago) => runId('job', before(schedule, ago))));
    for (const run of first) {
      assert.deepEqual([run.trigger, run.backfill_id, run.state], ['backfill', backfill.id, 'claimed']);
      assert.deepEqual([run.waiting_for, run.overlap, run.attempt], ['place', null, 0]);
      assert.ok(run.available_at >= schedule.created_at, 'its lateness counts from when it was made');
    }
    assert.equal((await store.backfills.openRuns([backfill.id])).get(backfill.id), 2);
    await advanceBackfill(store.backfills, backfill.id);
    assert.equal((await openRuns(store)).length, 2);
    await end(store, first[0] as Run);
    await advanceBackfill(store.backfills, backfill.id);
    assert.deepEqual(
      (await openRuns(store)).map(({ scheduled_for }) => scheduled_for),
      [4, 3].map((ago) => before(schedule, ago)),
    );
    const stored = await get(store, backfill.id);
    assert.deepEqual([stored.state, stored.created, stored.already_run], ['running', 3, 0]);
  });

  test('is completed when all of its runs have ended', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = await begun(store, schedule, 3);
    await drive(store, backfill.id);
    const stored = await get(store, backfill.id);
    assert.deepEqual([stored.state, stored.created], ['completed', 3]);
    assert.ok(stored.finished_at !== null && stored.expire_at !== null);
    assert.equal(stored.expire_at.getTime() - stored.finished_at.getTime(), 30 * 24 * 3_600_000);
    assert.deepEqual(await store.backfills.running({ limit: 9 }), []);
    assert.equal(await store.backfills.advance(backfill.id), false);
    const empty = await begun(store, schedule, 0.5);
    await advanceBackfill(store.backfills, empty.id);
    assert.equal((await get(store, empty.id)).state, 'completed', 'at once, without occurrences');
  });

  test('makes no second run of an occurrence, unless asked to', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const half = await begun(store, schedule, 2);
    await drive(store, half.id);
    const whole = await begun(store, schedule, 4, { max_concurrent: 9 });
    assert.equal(await store.backfills.alreadyRun(whole), 2);
    const same = await begun(store, schedule, 4, { max_concurrent: 9 });
    await Promise.all([whole, same].map(({ id }) => drive(store, id)));
    const [a, b] = [await get(store, whole.id), await get(store, same.id)];
    assert.deepEqual([a.state, b.state], ['completed', 'completed']);
    assert.deepEqual([a.created + b.created, a.already_run + b.already_run], [2, 6]);
    const again = await begun(store, schedule, 4, { again: true });
    assert.equal(await store.backfills.alreadyRun(again), 0);
    await drive(store, again.id);
    assert.equal((await get(store, again.id)).created, 4);
    const all = await runsOf(store, 'job');
    assert.deepEqual(all.filter(({ id }) => id.endsWith(`~${again.id}`)).length, 4);
    assert.equal(all.length, 8);
  });

  test('runs what was missed or skipped, once', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job', everySpec('1s'));
    const record = {
      ...manualRun(schedule, 0, 'none'),
      id: runId('job', before(schedule, 2)),
      ...{ scheduled_for: before(schedule, 2), since: before(schedule, 2), trigger: 'schedule' as const },
      ...{ state: 'missed' as const, reason: 'catch_up_window' as const, waiting_for: null, term: 1 },
    };
    await store.claims.claim(batch(grant, [request(schedule, [record])]));
    const backfill = await begun(store, schedule, 2, { max_concurrent: 2 });
    assert.equal(await store.backfills.alreadyRun(backfill), 0);
    await drive(store, backfill.id);
    assert.equal((await get(store, backfill.id)).created, 2);
    const ids = (await runsOf(store, 'job')).map(({ id }) => id);
    assert.ok(ids.includes(record.id) && ids.includes(`${record.id}~backfill`), `${ids}`);
    const next = await begun(store, schedule, 2);
    assert.equal(await store.backfills.alreadyRun(next), 2);
    await drive(store, next.id);
    assert.equal((await get(store, next.id)).created, 0);
  });

  test('leaves what is owed to the leader, until that has settled it', async (store) => {
    const { grant } = await lead(store, 'a');
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = await begun(store, schedule, 1, { max_concurrent: 9 }, before(schedule, -5));
    assert.equal(backfill.total, 6);
    await advanceBackfill(store.backfills, backfill.id);
    assert.deepEqual(
      (await openRuns(store)).map(({ scheduled_for }) => scheduled_for),
      [1, 0].map((ago) => before(schedule, ago)),
      'its creation owes the occurrences after it',
    );
    const through = before(schedule, -2).getTime();
    await store.lease.renew(grant, LONG_MS, { claimedThroughMs: through, mirroredThroughMs: through });
    await advanceBackfill(store.backfills, backfill.id);
    assert.equal((await openRuns(store)).length, 4);
  });

  test('is advanced by one of several at a time', async (store, connect) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = await begun(store, schedule, 50, { max_concurrent: 3 });
    const stores = [store, connect(), connect()];
    for (let round = 0; round < 4; round++) {
      await Promise.all(stores.map(({ backfills }) => advanceBackfill(backfills, backfill.id)));
      const open = await openRuns(store);
      assert.equal(open.length, 3);
      await Promise.all(open.map(async (run, i) => {
        await end(stores[i] as Store, run);
        await advanceBackfill((stores[i] as Store).backfills, backfill.id);
      }));
      assert.equal((await openRuns(store)).length, 3);
    }
    assert.equal((await get(store, backfill.id)).created, 15);
  });

  test('is cancelled with its open runs', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = await begun(store, schedule, 9, { max_concurrent: 2 });
    await advanceBackfill(store.backfills, backfill.id);
    const [owned, waiting] = await openRuns(store) as [Run, Run];
    await store.runs.change([taken(owned, { replica: 'a', boot: 'boot-a' })]);
    const found = await store.backfills.cancel(backfill.id);
    assert.ok(found !== null && 'backfill' in found);
    assert.deepEqual([found.isNew, found.backfill.state], [true, 'cancelled']);
    const ended = await store.runs.get(waiting.id) as Run;
    assert.deepEqual([ended.state, ended.reason], ['cancelled', 'requested']);
    const [aborted] = await store.runs.toCancel('boot-a');
    assert.deepEqual([aborted?.id, aborted?.is_last_attempt], [owned.id, true]);
    await advanceBackfill(store.backfills, backfill.id);
    assert.equal((await openRuns(store)).length, 1, 'it makes no more');
    const repeated = await store.backfills.cancel(backfill.id);
    assert.ok(repeated !== null && 'backfill' in repeated && !repeated.isNew);
    assert.equal(await store.backfills.cancel('none'), null);
    assert.deepEqual(await get(store, backfill.id), found.backfill);
  });

  test('ends with its schedule', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = await begun(store, schedule, 9);
    await advanceBackfill(store.backfills, backfill.id);
    await store.schedules.remove('job');
    assert.equal((await get(store, backfill.id)).state, 'cancelled');
    assert.deepEqual(await openRuns(store), []);
    const late = backfillOf(schedule, requestOf(schedule, 9), 'late', 0);
    assert.equal(await store.backfills.create(late), 'gone');
    await create(store, 'job', everySpec('1s'));
    assert.equal(await store.backfills.create(late), 'gone', 'another schedule has its id');
    assert.equal(await store.backfills.get('late'), null);
  });

  test('goes on with the definition that it began with', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = await begun(store, schedule, 3, { max_concurrent: 9 });
    await store.schedules.replace('job', everySpec('7s'));
    await advanceBackfill(store.backfills, backfill.id);
    assert.equal((await openRuns(store)).length, 3);
  });

  test('overlaps as it was asked to, whatever its schedule does', async (store) => {
    const policy = { ...DEFAULT_POLICY, overlap: 'skip' as const };
    const schedule = await create(store, 'job', everySpec('1s', { policy }));
    const busy = manualRun(schedule, schedule.created_at.getTime(), 'busy', true);
    await store.runs.request(busy);
    const skips = await begun(store, schedule, 3, { overlap: 'skip' });
    await drive(store, skips.id);
    const ended = await get(store, skips.id);
    assert.deepEqual([ended.state, ended.created], ['completed', 3]);
    const reasons = (await runsOf(store, 'job')).flatMap(({ backfill_id, reason }) =>
      backfill_id ? [reason] : []
    );
    assert.deepEqual(reasons, ['overlap', 'overlap', 'overlap']);
    const queues = await begun(store, schedule, 2, { overlap: 'queue' });
    await advanceBackfill(store.backfills, queues.id);
    assert.deepEqual((await openOf(store, queues)).map(({ waiting_for }) => waiting_for), ['overlap']);
    const allows = await begun(store, schedule, 2, { again: true });
    await advanceBackfill(store.backfills, allows.id);
    assert.deepEqual((await openOf(store, allows)).map(({ waiting_for }) => waiting_for), ['place']);
    await end(store, busy);
    await store.runs.passTurns();
    assert.deepEqual((await openOf(store, queues)).map(({ waiting_for }) => waiting_for), ['place']);
  });

  test('lists backfills newest first, page by page, and those that are running oldest first', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const other = await create(store, 'other', everySpec('1s'));
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await begun(store, schedule, 1, {}, undefined, i)).id);
    const elsewhere = await begun(store, other, 1, {}, undefined, 3);
    const first = await store.backfills.list({ scheduleId: 'job', limit: 2, cursor: null });
    assert.deepEqual(first.items.map(({ id }) => id), [ids[2], ids[1]]);
    const last = await store.backfills.list({ scheduleId: 'job', limit: 2, cursor: first.nextCursor });
    assert.deepEqual([last.items.map(({ id }) => id), last.nextCursor], [[ids[0]], null]);
    const running = await store.backfills.running({ limit: 9 });
    assert.deepEqual(running.map(({ id }) => id), [...ids, elsewhere.id]);
    const [own] = await store.backfills.running({ scheduleId: 'other', limit: 9 });
    assert.equal(own?.id, elsewhere.id);
    await advanceBackfills(store.backfills);
    assert.equal((await openRuns(store)).length, 2, 'one run of each occurrence');
  });

  test('runs only so many at a time', async (store) => {
    const schedule = await create(store, 'job', everySpec('1s'));
    const backfill = (id: string) => backfillOf(schedule, requestOf(schedule, 1), id, 0);
    for (let i = 0; i < MAX_RUNNING; i++) {
      assert.equal(await store.backfills.create(backfill(`b${i}`)), 'created');
    }
    assert.equal(await store.backfills.create(backfill('more')), 'full');
    assert.equal(await store.backfills.create(backfill('b0')), 'created', 'it is there already');
    await store.backfills.cancel('b7');
    assert.equal(await store.backfills.create(backfill('more')), 'created');
  });
}

/** So many seconds before the creation of the schedule. */
function before({ created_at }: Schedule, seconds: number): Date {
  return new Date(created_at.getTime() - seconds * 1000);
}

function requestOf(
  schedule: Schedule,
  seconds: number,
  more: Partial<BackfillRequest> = {},
): BackfillRequest {
  const range = { from: before(schedule, seconds), to: schedule.created_at };
  return { ...range, max_concurrent: 1, overlap: 'allow', again: false, dry_run: false, ...more };
}

let backfills = 0;

/** A stored backfill of the last seconds before the schedule's creation. */
async function begun(
  store: Store,
  schedule: Schedule,
  seconds: number,
  more: Partial<BackfillRequest> = {},
  to = schedule.created_at,
  laterMs = 0,
): Promise<Backfill> {
  const atMs = schedule.created_at.getTime() + laterMs;
  const wanted = backfillOf(
    schedule,
    requestOf(schedule, seconds, { to, ...more }),
    `b-${++backfills}`,
    atMs,
  );
  assert.equal(await store.backfills.create(wanted), 'created');
  return wanted;
}

async function get(store: Store, id: string): Promise<Backfill> {
  const found = await store.backfills.get(id);
  assert.ok(found !== null && isUnderstood(found));
  return found;
}

async function runsOf(store: Store, scheduleId: string): Promise<Run[]> {
  return (await store.runs.list({ scheduleId, limit: 999, cursor: null })).items;
}

/** The open runs of the schedule `job`, oldest first. */
async function openRuns(store: Store): Promise<Run[]> {
  const query = { states: OPEN_STATES, limit: 999, cursor: null };
  return (await store.runs.list(query)).items.toReversed();
}

async function openOf(store: Store, { id }: Backfill): Promise<Run[]> {
  return (await openRuns(store)).filter(({ backfill_id }) => backfill_id === id);
}

/** Ends a run that no executor has. */
async function end(store: Store, run: Run): Promise<void> {
  assert.equal((await store.runs.change([cancelled(run, 'requested', at(0))])).length, 1);
}

/** Ends the runs of a backfill until it has ended. */
async function drive(store: Store, id: string): Promise<void> {
  for (;;) {
    await advanceBackfill(store.backfills, id);
    if ((await get(store, id)).state !== 'running') return;
    for (const run of await openRuns(store)) if (run.backfill_id === id) await end(store, run);
  }
}
