import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../../../src/actors/store.ts';
import type { Run } from '../../../src/domain/runs/run.ts';
import { HOURLY, json, lead, NOW_MS, problem, send, testApi } from '../support.ts';

async function withSchedule(more: object = {}) {
  const api = await testApi();
  await send(api.app, 'POST', '/schedules', { ...HOURLY, id: 's', ...more });
  const post = (path: string, body: unknown = '') => send(api.app, 'POST', path, body);
  return { ...api, post };
}

describe('POST /schedules/{id}/pause and /resume', () => {
  it('pauses, with a reason, and resumes', async () => {
    const { post } = await withSchedule();
    const paused = await post('/schedules/s/pause', { reason: 'moving house' });
    assert.deepEqual([paused.status, paused.headers.get('etag')], [200, '"2"']);
    const body = await json(paused);
    assert.deepEqual([body.paused, body.pause_reason, body.next_fire_at], [true, 'moving house', null]);
    const resumed = await json(post('/schedules/s/resume'));
    assert.deepEqual([resumed.paused, 'pause_reason' in resumed, resumed.revision], [false, false, 3]);
    assert.equal(resumed.next_fire_at, '2030-01-01T01:00:00.000Z');
  });

  it('does not change a schedule that is already in the requested state', async () => {
    const { post } = await withSchedule();
    assert.equal((await json(post('/schedules/s/resume'))).revision, 1);
    assert.equal((await json(post('/schedules/s/pause'))).revision, 2);
    assert.equal((await json(post('/schedules/s/pause'))).revision, 2);
    assert.equal(
      (await json(post('/schedules/s/pause', { reason: 'late' }))).revision,
      3,
      'a new reason is a change',
    );
    assert.equal(
      (await json(post('/schedules/s/pause'))).pause_reason,
      'late',
      'an omitted reason keeps the present one',
    );
  });

  it('pauses until a time, which a resume forgets', async () => {
    const { post } = await withSchedule();
    const until = '2030-01-02T00:00:00.000Z';
    const paused = await json(
      post('/schedules/s/pause', { reason: 'stocktaking', until: '2030-01-02T01:00:00+01:00' }),
    );
    assert.deepEqual([paused.paused, paused.pause_until, paused.revision], [true, until, 2]);
    assert.equal(
      (await json(post('/schedules/s/pause', { until }))).revision,
      2,
      'the same time is no change',
    );
    const later = await json(post('/schedules/s/pause', { until: '2030-01-03T00:00:00Z' }));
    assert.deepEqual([later.revision, later.pause_reason], [3, 'stocktaking']);
    assert.equal((await json(post('/schedules/s/pause'))).pause_until, '2030-01-03T00:00:00.000Z');
    assert.equal('pause_until' in await json(post('/schedules/s/resume')), false);
  });

  it('refuses a pause until a time that has passed, or is none', async () => {
    const { post } = await withSchedule();
    const { errors } = await problem(post('/schedules/s/pause', { until: '2030-01-01T00:00:00Z' }), 422);
    assert.deepEqual(errors, [{
      pointer: '/until',
      detail: 'until: 2030-01-01T00:00:00.000Z is not in the future: it is 2030-01-01T00:00:00.000Z now; ' +
        'write a later time',
    }]);
    const { detail } = await problem(post('/schedules/s/pause', { until: 'tomorrow' }), 422);
    assert.match(detail, /^until: "tomorrow" is not an RFC 3339 time/);
  });

  it('does not undo a concurrent change', async () => {
    const { post, store, app } = await withSchedule();
    const { get } = store.schedules;
    let reads = 0;
    store.schedules.get = async (id) => {
      const found = await get(id);
      if (reads++ === 0) await send(app, 'PUT', '/schedules/s', { ...HOURLY, name: 'new' });
      return found;
    };
    const paused = await json(post('/schedules/s/pause'));
    assert.deepEqual([paused.name, paused.paused, paused.revision], ['new', true, 3]);
  });

  it('gives up after repeated concurrent changes', async () => {
    const { post, store } = await withSchedule();
    store.schedules.replace = () => Promise.resolve('conflict');
    assert.match(
      (await problem(post('/schedules/s/pause'), 409)).detail,
      /being changed concurrently; try again/,
    );
  });

  it('answers 404 to an unknown schedule, and 422 to an invalid body', async () => {
    const { post } = await withSchedule();
    for (const what of ['pause', 'resume', 'trigger']) {
      assert.match((await problem(post(`/schedules/x/${what}`), 404)).detail, /no schedule "x"/);
      const { errors } = await problem(post(`/schedules/s/${what}`, { why: 1 }), 422);
      assert.deepEqual(errors?.map(({ pointer }) => pointer), ['/why']);
    }
    assert.match((await problem(post('/schedules/s/pause', { reason: 3 }), 422)).detail, /^reason: expected/);
    assert.match((await problem(post('/schedules/s/pause', '{'), 400)).detail, /not JSON/);
  });
});

describe('POST /schedules/{id}/trigger', () => {
  it('stores a run that any executor may take, with an id of its own', async () => {
    const { post, app, store } = await withSchedule({ paused: true });
    const answer = await post('/schedules/s/trigger');
    assert.equal(answer.status, 202);
    const id = 's@2030-01-01T00:00:00.000Z~uuid-1';
    assert.deepEqual([await json(answer), answer.headers.get('location')], [
      { run_ids: [id] },
      `/runs/${id}`,
    ]);
    const run = await json(app.request(`/runs/${id}`));
    assert.deepEqual(
      [run.trigger, run.state, run.attempt, run.executor, run.scheduled_for],
      ['manual', 'claimed', 0, null, '2030-01-01T00:00:00.000Z'],
    );
    const { runs } = await store.runs.available({ availableAt: new Date(NOW_MS), limit: 10 });
    assert.deepEqual(runs.map((available) => available.id), [id]);
  });

  it('ignores what is open, unless the policy of overlaps is to apply', async () => {
    const { post, app } = await withSchedule({ policy: { overlap: 'skip' } });
    const outcome = async (body: unknown) => {
      const { run_ids: [id] } = await json(post('/schedules/s/trigger', body));
      const { state, reason, waiting_for } = await json(app.request(`/runs/${id}`));
      return [state, reason, waiting_for];
    };
    const waits = ['claimed', null, 'place'];
    assert.deepEqual(await outcome({ overlap: true }), waits, 'nothing is open');
    assert.deepEqual(await outcome({ overlap: true }), ['skipped', 'overlap', null]);
    assert.deepEqual(await outcome({}), waits);
    assert.deepEqual(await outcome(''), waits);
    const { detail } = await problem(post('/schedules/s/trigger', { overlap: 'yes' }), 422);
    assert.equal(detail, 'overlap: expected true or false, found a string');
  });

  it('is never requested before its schedule was created, whatever the replica’s clock', async () => {
    const { app, store } = await testApi({ serverNowMs: NOW_MS - 5000 });
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 's' });
    const { run_ids } = await json(send(app, 'POST', '/schedules/s/trigger', ''));
    assert.equal((await store.runs.get(run_ids[0]) as Run | null)?.claimed_at.getTime(), NOW_MS);
  });
});

describe('POST /leader/step-down', () => {
  const isAsked = async (store: Store) => (await store.lease.read()).lease.step_down_term;

  it('asks the leader of this term, and no other', async () => {
    const { post, store } = await withSchedule();
    await lead(store);
    assert.match(
      (await problem(post('/leader/step-down', { term: 7 }), 409)).detail,
      /term 7 is not the current term/,
    );
    assert.equal(await isAsked(store), null);
    const answer = await post('/leader/step-down', { term: 1 });
    assert.deepEqual([answer.status, await json(answer)], [202, { replica: 'replica-2', term: 1 }]);
    assert.equal(await isAsked(store), 1);
    assert.equal((await post('/leader/step-down')).status, 202, 'a repeated request has no further effect');
  });

  it('refuses when there is no leader, or when the term has ended meanwhile', async () => {
    const { post, store } = await withSchedule();
    const none = await post('/leader/step-down');
    assert.equal(none.headers.get('retry-after'), '1');
    assert.match((await problem(none, 503)).detail, /there is no leader/);
    await lead(store);
    store.lease.askToStepDown = () => Promise.resolve(false);
    assert.match((await problem(post('/leader/step-down'), 409)).detail, /term 1 ended before/);
  });

  it('refuses a term that is not a number', async () => {
    const { post, store } = await withSchedule();
    await lead(store);
    assert.match(
      (await problem(post('/leader/step-down', { term: 'now' }), 422)).detail,
      /^term: expected the number/,
    );
  });
});
