import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { advanceBackfill } from '../../../src/actors/runs/backfilling.ts';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { Store } from '../../../src/actors/store.ts';
import { cancelled } from '../../../src/domain/runs/life.ts';
import { OPEN_STATES } from '../../../src/domain/runs/run.ts';
import { HOURLY, json, NOW_MS, problem, send, testApi } from '../support.ts';

const DAY = { from: '2029-12-31T00:00:00Z', to: '2030-01-01T00:00:00Z' };

async function withSchedule(more: object = {}) {
  const api = await testApi();
  await send(api.app, 'POST', '/schedules', { ...HOURLY, id: 's', ...more });
  const post = (path: string, body: unknown = '') => send(api.app, 'POST', path, body);
  return { ...api, post };
}

/** Ends the open runs of a schedule, one after the other, as long as there are some. */
async function work(store: Store, backfill: string): Promise<void> {
  for (;;) {
    await advanceBackfill(store.backfills, backfill);
    const [run] = (await store.runs.list({ states: OPEN_STATES, limit: 1, cursor: null })).items;
    if (run === undefined) return;
    await store.runs.change([cancelled(run, 'requested', new Date(NOW_MS))]);
  }
}

describe('POST /schedules/{id}/backfills', () => {
  it('creates a backfill, and begins it at once', async () => {
    const { post, app, store } = await withSchedule({ paused: true });
    const answer = await post('/schedules/s/backfills', DAY);
    const body = await json(answer);
    assert.deepEqual([answer.status, answer.headers.get('location')], [201, `/backfills/${body.id}`]);
    const { progress, ...rest } = body;
    assert.deepEqual(rest, {
      ...{ id: body.id, schedule_id: 's', schedule_created_at: '2030-01-01T00:00:00.000Z' },
      ...{ schedule_revision: 1, from: '2029-12-31T00:00:00.000Z', to: '2030-01-01T00:00:00.000Z' },
      ...{ max_concurrent: 1, overlap: 'allow', again: false, state: 'running' },
      ...{ created_at: '2030-01-01T00:00:00.000Z', finished_at: null },
    });
    assert.deepEqual(progress, { total: 24, created: 0, already_run: 0, open: 0, ended: 0 });
    await advanceBackfill(store.backfills, body.id);
    const shown = await json(app.request(`/backfills/${body.id}`));
    assert.deepEqual(shown.progress, { total: 24, created: 1, already_run: 0, open: 1, ended: 0 });
    const [run] = await json(app.request('/schedules/s/runs'));
    assert.deepEqual(
      [run.scheduled_for, run.trigger, run.backfill_id, run.waiting_for],
      ['2029-12-31T00:00:00.000Z', 'backfill', body.id, 'place'],
    );
    await work(store, body.id);
    const ended = await json(app.request(`/backfills/${body.id}`));
    assert.deepEqual([ended.state, ended.finished_at], ['completed', '2030-01-01T00:00:00.000Z']);
    assert.deepEqual(ended.progress, { total: 24, created: 24, already_run: 0, open: 0, ended: 24 });
  });

  it('tells beforehand what there is to do, and stores nothing', async () => {
    const { post, app, store } = await withSchedule();
    const half = await json(post('/schedules/s/backfills', { ...DAY, to: '2029-12-31T12:00:00Z' }));
    await work(store, half.id);
    const dry = await post('/schedules/s/backfills', { ...DAY, dry_run: true });
    assert.deepEqual([dry.status, await json(dry)], [200, { total: 24, already_run: 12 }]);
    const again = await json(post('/schedules/s/backfills', { ...DAY, dry_run: true, again: true }));
    assert.deepEqual(again, { total: 24, already_run: 0 });
    assert.equal((await json(app.request('/schedules/s/backfills'))).length, 1);
  });

  it('tells of what was already run, and runs it anew only when asked to', async () => {
    const { post, app, store } = await withSchedule();
    const progress = async (more: object) => {
      const { id } = await json(post('/schedules/s/backfills', { ...DAY, ...more }));
      await work(store, id);
      const { created, already_run } = (await json(app.request(`/backfills/${id}`))).progress;
      return [created, already_run];
    };
    assert.deepEqual(await progress({ from: '2029-12-31T12:00:00Z' }), [12, 0]);
    assert.deepEqual(await progress({ max_concurrent: 100 }), [12, 12]);
    assert.deepEqual(await progress({}), [0, 24]);
    assert.deepEqual(await progress({ again: true }), [24, 0]);
  });

  it('refuses what makes no sense, with sentences', async () => {
    const { post } = await withSchedule();
    const refused = async (body: object) =>
      (await problem(post('/schedules/s/backfills', body), 422)).errors?.map(({ pointer, detail }) =>
        `${pointer} ${detail}`
      );
    assert.deepEqual(await refused({ ...DAY, from: DAY.to }), [
      '/from from: 2030-01-01T00:00:00.000Z is not before to, 2030-01-01T00:00:00.000Z; to is excluded from the range',
    ]);
    assert.deepEqual(await refused({ ...DAY, to: '2030-01-01T00:00:01Z' }), [
      '/to to: 2030-01-01T00:00:01.000Z is in the future; write 2030-01-01T00:00:00.000Z or earlier',
    ]);
    assert.deepEqual(await refused({ from: DAY.from }), [
      '/to to: is missing; write an RFC 3339 time such as "2026-01-31T09:30:00Z"',
    ]);
    assert.deepEqual(await refused({ ...DAY, max_concurrent: 101 }), [
      '/max_concurrent max_concurrent: 101 is not a whole number from 1 to 100',
    ]);
    assert.match(
      (await refused({ ...DAY, from: '2028-01-01T00:00:00Z' }))?.[0] ?? '',
      /has 17544 occurrences from/,
    );
    assert.match(
      (await refused({ ...DAY, max_concurrent: 2, overlap: 'skip' }))?.[0] ?? '',
      /one run is open/,
    );
    assert.deepEqual((await refused({ ...DAY, why: 1, overlap: 'wait' }))?.length, 2);
    assert.match((await problem(post('/schedules/x/backfills', DAY), 404)).detail, /no schedule "x"/);
    assert.match((await problem(post('/schedules/s/backfills', '['), 400)).detail, /not JSON/);
  });

  it('refuses a hundred and first one', async () => {
    const { post } = await withSchedule();
    const range = { from: '2029-12-31T00:30:00Z', to: '2029-12-31T02:30:00Z', max_concurrent: 1 };
    for (let i = 0; i < 100; i++) {
      assert.equal((await post('/schedules/s/backfills', { ...range, again: true })).status, 201);
    }
    const { detail } = await problem(post('/schedules/s/backfills', range), 409);
    assert.match(
      detail,
      /^100 backfills are running, and that is the limit: wait for one to end, or cancel one$/,
    );
  });

  it('is created even if it can not begin at once', async () => {
    const { post, store, log } = await withSchedule();
    store.backfills.advance = () => Promise.reject(new StoreUnavailable('gone'));
    assert.equal((await post('/schedules/s/backfills', DAY)).status, 201);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      log.filter(({ level }) => level !== 'debug').map(({ level, message }) => [level, message]),
      [
        ['warn', 'a backfill could not begin at once; the leader will continue it'],
      ],
    );
  });
});

describe('GET /schedules/{id}/backfills, GET /backfills/{id}', () => {
  it('lists them, page by page, also after the end of their schedule', async () => {
    const { post, app } = await withSchedule();
    for (let i = 0; i < 3; i++) await post('/schedules/s/backfills', { ...DAY, again: true });
    const first = await app.request('/schedules/s/backfills?limit=2');
    const [, next] = /<(.*)>; rel="next"/.exec(first.headers.get('link') ?? '') ?? [];
    const ids = [...await json(first), ...await json(app.request(next as string))].map(({ id }) => id);
    assert.equal(new Set(ids).size, 3);
    await app.request('/schedules/s', { method: 'DELETE' });
    const left = await json(app.request('/schedules/s/backfills'));
    assert.deepEqual(left.map(({ state }: { state: string }) => state), [
      'cancelled',
      'cancelled',
      'cancelled',
    ]);
    assert.match((await problem(app.request('/schedules/x/backfills'), 404)).detail, /no schedule "x"/);
    await problem(app.request('/schedules/s/backfills?cursor=x'), 400);
    await problem(app.request('/schedules/s/backfills?state=running'), 400);
    assert.match((await problem(app.request('/backfills/x'), 404)).detail, /^there is no backfill "x"$/);
  });

  it('says why it does not understand one', async () => {
    const { app, store } = await withSchedule();
    const unknown = { id: 'b', not_understood: 'overlap is "sideways", which this version does not know' };
    store.backfills.get = () => Promise.resolve(unknown);
    store.backfills.cancel = () => Promise.resolve(unknown);
    const reason = /"b" is not understood by this version: overlap is "sideways"/;
    assert.match((await problem(app.request('/backfills/b'), 503)).detail, reason);
    assert.match((await problem(send(app, 'POST', '/backfills/b/cancel', ''), 503)).detail, reason);
  });
});

describe('POST /backfills/{id}/cancel', () => {
  it('ends a running backfill and its open runs, once', async () => {
    const { post, app, store } = await withSchedule();
    const { id } = await json(post('/schedules/s/backfills', { ...DAY, max_concurrent: 3 }));
    await advanceBackfill(store.backfills, id);
    const answer = await post(`/backfills/${id}/cancel`);
    const body = await json(answer);
    assert.deepEqual([answer.status, body.state, body.progress.open], [200, 'cancelled', 0]);
    const runs = await json(app.request('/runs'));
    assert.deepEqual(runs.map(({ state, reason }: Record<string, string>) => [state, reason]), [
      ['cancelled', 'requested'],
      ['cancelled', 'requested'],
      ['cancelled', 'requested'],
    ]);
    const { detail } = await problem(post(`/backfills/${id}/cancel`), 409);
    assert.match(detail, /has ended already: it is cancelled$/);
    assert.match((await problem(post('/backfills/x/cancel'), 404)).detail, /there is no backfill "x"/);
    await problem(post(`/backfills/${id}/cancel`, { now: true }), 422);
  });
});
