import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOURLY, json, NOW_MS, problem, send, testApi } from '../support.ts';

const NEXT_HOUR = '2030-01-01T01:00:00.000Z';

describe('POST /schedules', () => {
  it('answers 201 with the schedule, its location and its revision', async () => {
    const { app } = await testApi();
    const response = await send(app, 'POST', '/schedules', HOURLY);
    assert.equal(response.status, 201);
    assert.equal(response.headers.get('location'), '/schedules/uuid-1');
    assert.equal(response.headers.get('etag'), '"1"');
    assert.deepEqual(await response.json(), {
      id: 'uuid-1',
      revision: 1,
      type: 'cron',
      definition: { cron_expression: '0 * * * *', timezone: 'UTC' },
      paused: false,
      action: { type: 'log' },
      policy: {
        catch_up: 'all',
        catch_up_window: '60s',
        overlap: 'allow',
        timeout: '30s',
        retry: { max_attempts: 1, initial_backoff: '1s', multiplier: 2, max_backoff: '10m' },
        on_executor_loss: 'retry',
        pause_after_failures: null,
      },
      history: { success: '24h', failure: '168h' },
      created_at: '2030-01-01T00:00:00.000Z',
      updated_at: '2030-01-01T00:00:00.000Z',
      next_fire_at: NEXT_HOUR,
      completed: false,
      last_run: null,
    });
  });

  it("takes the client's id, once", async () => {
    const { app } = await testApi();
    const response = await send(app, 'POST', '/schedules', { ...HOURLY, id: 'report.v2' });
    assert.equal(response.headers.get('location'), '/schedules/report.v2');
    const { detail, instance } = await problem(
      send(app, 'POST', '/schedules', { ...HOURLY, id: 'report.v2' }),
      409,
    );
    assert.equal(detail, 'a schedule "report.v2" exists already');
    assert.equal(instance, '/schedules');
  });

  it('refuses ids that a URL path cannot contain', async () => {
    for (const id of ['.', '..']) {
      const { errors } = await problem(
        send((await testApi()).app, 'POST', '/schedules', { ...HOURLY, id }),
        422,
      );
      assert.deepEqual(errors?.map(({ pointer }) => pointer), ['/id']);
    }
  });

  it('reports all problems at once', async () => {
    const body = { type: 'cron', definition: { cron_expression: '0 25 * * *' }, paused: 'no', colour: 'red' };
    const { title, detail, errors } = await problem(
      send((await testApi()).app, 'POST', '/schedules', body),
      422,
    );
    assert.equal(title, 'Unprocessable Entity');
    assert.match(detail, /\(and more, listed in errors\)$/);
    assert.deepEqual(
      errors?.map(({ pointer }) => pointer).sort(),
      ['/colour', '/definition/cron_expression', '/paused'],
    );
    assert.match(JSON.stringify(errors), /hours.*25 is outside 0–23/);
  });

  const bad: [string, unknown, RegExp][] = [
    ['an array', [], /object/],
    ['an unknown type', { type: 'weekly', definition: {} }, /at_times/],
    ['an impossible cron', { type: 'cron', definition: { cron_expression: '0 0 31 2 *' } }, /never fires/],
    ['a negative interval', { type: 'duration', definition: { interval: '-1s' } }, /definition\.interval/],
    ['times that are no dates', { type: 'at_times', definition: { times: ['soon'] } }, /definition\.times/],
  ];
  for (const [what, body, sentence] of bad) {
    it(`answers 422 to ${what}`, async () => {
      assert.match(
        (await problem(send((await testApi()).app, 'POST', '/schedules', body), 422)).detail,
        sentence,
      );
    });
  }
});

describe('GET /schedules/{id}', () => {
  it('returns the schedule and its revision, and no internal fields', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    await send(app, 'PUT', '/schedules/a', { ...HOURLY, name: 'new' });
    const response = await app.request('/schedules/a');
    assert.equal(response.headers.get('etag'), '"2"');
    const schedule = await json(response);
    assert.equal(schedule.revision, 2);
    const internal = ['superseded', 'effective_from', 'written_at', 'timing_revision'];
    assert.deepEqual(internal.filter((field) => field in schedule), []);
  });

  it('owes nothing before its definition took effect, even when the replica’s clock is behind', async () => {
    const { app } = await testApi({ serverNowMs: NOW_MS - 60_000 });
    assert.equal((await json(send(app, 'POST', '/schedules', HOURLY))).next_fire_at, NEXT_HOUR);
  });

  it('has no next fire while it is paused or when it is completed', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'paused', paused: true });
    const past = { type: 'at_times', definition: { times: ['2020-01-01T00:00:00Z'] } };
    await send(app, 'POST', '/schedules', { ...past, id: 'done' });
    assert.equal((await json(app.request('/schedules/paused'))).next_fire_at, null);
    assert.equal((await json(app.request('/schedules/done'))).next_fire_at, null);
  });
});

describe('PUT /schedules/{id}', () => {
  it('replaces the schedule', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a', name: 'old' });
    const daily = { type: 'cron', definition: { cron_expression: '@daily' } };
    const response = await send(app, 'PUT', '/schedules/a', daily);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('etag'), '"2"');
    const schedule = await json(response);
    assert.equal(schedule.name, undefined);
    assert.equal(schedule.next_fire_at, '2030-01-02T00:00:00.000Z');
  });

  it('accepts the response of GET', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    const got = await json(app.request('/schedules/a'));
    assert.equal((await send(app, 'PUT', '/schedules/a', got)).status, 200);
    for (const list of ['/schedules', '/schedules?recent=2']) {
      const [listed] = await json(app.request(list));
      assert.equal((await send(app, 'PUT', '/schedules/a', listed)).status, 200, list);
    }
    for (const command of ['pause', 'resume']) {
      const returned = await json(app.request(`/schedules/a/${command}`, { method: 'POST' }));
      assert.equal((await send(app, 'PUT', '/schedules/a', returned)).status, 200, command);
    }
    const deleted = await json(app.request('/schedules/a', { method: 'DELETE' }));
    assert.equal((await send(app, 'POST', '/schedules', deleted)).status, 201);
  });

  it('refuses to change the id', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    const { errors } = await problem(send(app, 'PUT', '/schedules/a', { ...HOURLY, id: 'b' }), 422);
    assert.deepEqual(errors, [
      { pointer: '/id', detail: `id: "b" is not the id in the path, "a"; an id can't change` },
    ]);
  });

  it('refuses an invalid body and leaves the schedule unchanged', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    await problem(send(app, 'PUT', '/schedules/a', { type: 'cron' }), 422);
    assert.equal((await json(app.request('/schedules/a'))).revision, 1);
  });
});

describe('DELETE /schedules/{id}', () => {
  it('returns the deleted schedule, which will not fire again', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    const response = await app.request('/schedules/a', { method: 'DELETE' });
    assert.equal(response.status, 200);
    const schedule = await json(response);
    assert.equal(schedule.id, 'a');
    assert.equal(schedule.next_fire_at, null);
    await problem(app.request('/schedules/a'), 404);
  });
});

describe('an unknown id', () => {
  const calls: [string, string][] = [['GET', ''], ['PUT', ''], ['DELETE', ''], ['GET', '/runs']];
  for (const [method, rest] of calls) {
    it(`is a 404 on ${method} /schedules/{id}${rest}`, async () => {
      const body = method === 'PUT' ? { body: JSON.stringify(HOURLY) } : {};
      for (
        const [id, quoted] of [['nobody', 'nobody'], ['a%2Fb', 'a/b'], ['a%00', 'a\\u0000'], ['%zz', '%zz']]
      ) {
        const { detail } = await problem(
          (await testApi()).app.request(`/schedules/${id}${rest}`, { method, ...body }),
          404,
        );
        assert.equal(detail, `there is no schedule "${quoted}"`);
      }
    });
  }

  it('of another program’s document can be read and deleted', async () => {
    const stored = { id: 'an id/of 5', not_understood: 'id is not one that a schedule can have' };
    const removed: string[] = [];
    const { app } = await testApi({
      store: (store) => ({
        ...store,
        schedules: {
          ...store.schedules,
          get: (id) => Promise.resolve(id === stored.id ? stored : null),
          remove: (id) => Promise.resolve((removed.push(id), stored)),
        },
      }),
    });
    assert.deepEqual(await json(app.request('/schedules/an%20id%2Fof%205')), stored);
    assert.deepEqual(await json(app.request('/schedules/an%20id%2Fof%205', { method: 'DELETE' })), stored);
    assert.deepEqual(removed, [stored.id]);
  });

  it('never reaches the store when it is very long', async () => {
    const { app } = await testApi({
      store: (store) => ({
        ...store,
        schedules: { ...store.schedules, get: () => assert.fail('the store was asked') },
      }),
    });
    await problem(app.request(`/schedules/${'x'.repeat(1025)}`), 404);
  });
});
