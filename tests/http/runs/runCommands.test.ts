import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import { type Run, workNow } from '../../../src/domain/runs/run.ts';
import { claimed, outcomeOf } from '../../support/runs.ts';
import { understood } from '../../support/schedules.ts';
import { HOURLY, json, lead, NOW_MS, problem, recordRuns, send, testApi } from '../support.ts';

const at = (ms: number) => new Date(NOW_MS + ms);
const OWNED = 's@2030-01-01T00:00:00.001Z';

/** Schedule `s` with a run that replica-2 has, and a way to request others. */
async function withRun(policy: object = {}, run: Partial<Run> = {}) {
  const api = await testApi();
  const { app, store } = api;
  await send(app, 'POST', '/schedules', { ...HOURLY, id: 's', policy });
  const work = workNow(understood(await store.schedules.get('s')));
  await recordRuns(store, await lead(store), 's', [{ scheduled_for: at(1), work, ...run }]);
  const post = (path: string, body: unknown = '') => send(app, 'POST', path, body);
  const get = (id: string) => json(app.request(`/runs/${id}`));
  const trigger = async (body: unknown = ''): Promise<string> =>
    (await json(post('/schedules/s/trigger', body))).run_ids[0];
  /** The owner's attempt ends. */
  const settle = (more: Parameters<typeof outcomeOf>[1] = {}) =>
    store.runs.record([
      outcomeOf(claimed('s', NOW_MS + 1, { executor: 'replica-2', executor_boot: 'boot-2' }), more),
    ]);
  return { ...api, post, get, trigger, settle };
}

describe('POST /runs/{id}/cancel', () => {
  it('ends a run without an executor at once', async () => {
    const { post, get, trigger } = await withRun();
    const id = await trigger();
    const response = await post(`/runs/${id}/cancel`);
    assert.equal(response.status, 200);
    const run = await json(response);
    assert.deepEqual([run.state, run.reason, run.waiting_for, run.finished_at], [
      'cancelled',
      'requested',
      null,
      at(0).toISOString(),
    ]);
    assert.deepEqual(await get(id), run);
  });

  it('ends a run that waits for its next attempt', async () => {
    const { post, settle } = await withRun({ retry: { max_attempts: 3 } });
    await settle({ state: 'failed', error: 'no', retry_at: at(60_000) });
    const run = await json(post(`/runs/${OWNED}/cancel`));
    assert.deepEqual([run.state, run.attempt, run.attempts.length], ['cancelled', 1, 1]);
  });

  it('asks the executor of a run to abort its attempt, once', async () => {
    const { post, store } = await withRun();
    for (let i = 0; i < 2; i++) {
      const response = await post(`/runs/${OWNED}/cancel`);
      assert.equal(response.status, 202);
      const run = await json(response);
      assert.deepEqual([run.state, run.reason, run.executor], ['claimed', 'requested', 'replica-2']);
    }
    assert.deepEqual((await store.runs.toCancel('boot-2')).map(({ id }) => id), [OWNED]);
  });

  it('is refused for a run that has ended, and unknown for no run', async () => {
    const { post, settle } = await withRun();
    await settle();
    const { detail } = await problem(post(`/runs/${OWNED}/cancel`), 409);
    assert.equal(detail, `run "${OWNED}" has ended already: it is succeeded`);
    assert.match((await problem(post('/runs/x/cancel'), 404)).detail, /there is no run "x"/);
    const { errors } = await problem(post(`/runs/${OWNED}/cancel`, { why: 1 }), 422);
    assert.deepEqual(errors?.map(({ pointer }) => pointer), ['/why']);
  });

  it('gives the turn to the next run that waits for it', async () => {
    const { post, get, trigger, settle } = await withRun({ overlap: 'queue' });
    await settle();
    const [head, next] = [await trigger({ overlap: true }), await trigger({ overlap: true })];
    assert.deepEqual([(await get(head)).waiting_for, (await get(next)).waiting_for], ['place', 'overlap']);
    assert.equal((await post(`/runs/${head}/cancel`)).status, 200);
    assert.equal((await get(next)).waiting_for, 'place');
  });

  it('leaves the turn with an attempt until that has ended', async () => {
    const { post, get, trigger } = await withRun({ overlap: 'queue' }, { overlap: 'queue' });
    const next = await trigger({ overlap: true });
    assert.equal((await post(`/runs/${OWNED}/cancel`)).status, 202);
    assert.equal((await get(next)).waiting_for, 'overlap');
  });

  it('has taken effect although the turn could not be passed on', async () => {
    const { post, trigger, store, log } = await withRun({ overlap: 'queue' });
    const id = await trigger({ overlap: true });
    store.runs.passTurns = () => Promise.reject(new StoreUnavailable('no answer'));
    assert.equal((await post(`/runs/${id}/cancel`)).status, 200);
    assert.deepEqual(log.filter(({ level }) => level === 'warn').map(({ message }) => message), [
      'after a cancellation, the next run could not be given its turn; the leader will',
    ]);
  });

  it('does not undo a concurrent change, and gives up under contention', async () => {
    const { post, store, settle } = await withRun({ retry: { max_attempts: 3 } });
    const { get } = store.runs;
    let reads = 0;
    store.runs.get = async (id) => {
      const found = structuredClone(await get(id));
      if (reads++ === 0) await settle({ state: 'failed', error: 'no', retry_at: at(60_000) });
      return found;
    };
    const run = await json(post(`/runs/${OWNED}/cancel`));
    assert.deepEqual([run.state, run.attempts.length, reads], ['cancelled', 1, 2]);
    store.runs.get = () => Promise.resolve(claimed('s', NOW_MS + 1));
    store.runs.change = () => Promise.resolve([]);
    assert.match(
      (await problem(post(`/runs/${OWNED}/cancel`), 409)).detail,
      /changed concurrently; try again/,
    );
  });
});

describe('POST /runs/{id}/rerun', () => {
  it('requests a run with the action as it was then', async () => {
    const { app, post, get, settle, store } = await withRun({ timeout: '7s' });
    await settle({ state: 'failed', error: 'no' });
    await send(app, 'PUT', '/schedules/s', { ...HOURLY, action: { type: 'log', takes: '1s' } });
    const response = await post(`/runs/${OWNED}/rerun`);
    assert.equal(response.status, 202);
    const { run_ids: [id] } = await json(response);
    assert.equal(response.headers.get('location'), `/runs/${id}`);
    const run = await get(id);
    assert.deepEqual([run.trigger, run.state, run.waiting_for, run.attempt, run.attempts], [
      'manual',
      'claimed',
      'place',
      0,
      [],
    ]);
    const stored = await store.runs.get(id) as Run;
    assert.deepEqual([stored.work?.action, stored.work?.policy.timeout], [{ type: 'log' }, '7s']);
  });

  it('runs what was skipped with the present action', async () => {
    const skipped = { state: 'skipped', reason: 'overlap', attempt: 0, work: null } as const;
    const { post, store } = await withRun({ timeout: '7s' }, {
      ...skipped,
      finished_at: at(2),
      expire_at: at(1e6),
    });
    const { run_ids: [id] } = await json(post(`/runs/${OWNED}/rerun`));
    const stored = await store.runs.get(id) as Run;
    assert.deepEqual([stored.trigger, stored.work?.policy.timeout], ['manual', '7s']);
  });

  it('is refused for an open run, and unknown for no run', async () => {
    const { post } = await withRun();
    const { detail } = await problem(post(`/runs/${OWNED}/rerun`), 409);
    assert.equal(detail, `run "${OWNED}" has not ended; wait for its end, or cancel it first`);
    assert.match((await problem(post('/runs/x/rerun'), 404)).detail, /there is no run "x"/);
  });

  it('is refused when the schedule is gone, or is another of that id', async () => {
    const { app, post, settle } = await withRun();
    await settle();
    await app.request('/schedules/s', { method: 'DELETE' });
    const { detail } = await problem(post(`/runs/${OWNED}/rerun`), 409);
    assert.equal(detail, `run "${OWNED}" can't be run again: its schedule "s" was deleted`);
  });
});
