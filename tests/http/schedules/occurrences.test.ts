import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOURLY, json, NOW_MS, problem, send, testApi } from '../support.ts';

const hours = (...list: number[]) =>
  list.map((hour) => {
    const at = new Date(NOW_MS + hour * 3_600_000).toISOString();
    return { at, local: at.replace('Z', '+00:00'), zone: 'UTC' };
  });

describe('POST /schedules/preview', () => {
  it('returns the next five fire times, and creates nothing', async () => {
    const { app } = await testApi();
    const response = await send(app, 'POST', '/schedules/preview', HOURLY);
    assert.equal(response.status, 200);
    assert.deepEqual(await response.json(), { occurrences: hours(1, 2, 3, 4, 5) });
    assert.deepEqual(await json(app.request('/schedules')), []);
  });

  it('returns as many as requested, and no more than there are', async () => {
    const { app } = await testApi();
    const preview = (body: object) => json(send(app, 'POST', '/schedules/preview', body));
    assert.deepEqual(await preview({ ...HOURLY, count: 2 }), { occurrences: hours(1, 2) });
    assert.equal((await preview({ ...HOURLY, count: 100 })).occurrences.length, 100);
    const times = hours(2, -1, 7).map(({ at }) => at);
    assert.deepEqual(await preview({ type: 'at_times', definition: { times } }), {
      occurrences: hours(2, 7),
    });
    assert.deepEqual(await preview({ ...HOURLY, paused: true }), { occurrences: [] });
  });

  it('counts an interval from now', async () => {
    const { app } = await testApi();
    const body = { type: 'duration', definition: { interval: '2h' }, count: 2 };
    assert.deepEqual(await json(send(app, 'POST', '/schedules/preview', body)), { occurrences: hours(2, 4) });
  });

  it('reports problems as a creation does, and those of the count', async () => {
    const { app } = await testApi();
    const body = { type: 'cron', definition: { cron_expression: '0 25 * * *' } };
    const creation = await problem(send(app, 'POST', '/schedules', body), 422);
    const preview = await problem(send(app, 'POST', '/schedules/preview', body), 422);
    assert.deepEqual(preview.errors, creation.errors);
    for (const count of [0, 101, 1.5, '5', null]) {
      const { errors } = await problem(send(app, 'POST', '/schedules/preview', { ...body, count }), 422);
      assert.deepEqual(errors?.map(({ pointer }) => pointer), ['/definition/cron_expression', '/count']);
    }
    await problem(send(app, 'POST', '/schedules/preview', []), 422);
    await problem(send(app, 'POST', '/schedules/preview', '{'), 400);
  });

  it('does not affect a schedule of that name', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'preview' });
    assert.equal((await json(app.request('/schedules/preview'))).id, 'preview');
    assert.equal((await app.request('/schedules/preview', { method: 'DELETE' })).status, 200);
  });
});

describe('GET /schedules/{id}/occurrences', () => {
  it('returns the next fire times', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    assert.deepEqual(await json(app.request('/schedules/a/occurrences')), {
      occurrences: hours(1, 2, 3, 4, 5),
    });
    assert.deepEqual(await json(app.request('/schedules/a/occurrences?count=1')), { occurrences: hours(1) });
  });

  it('is empty while it is paused', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a', paused: true });
    assert.deepEqual(await json(app.request('/schedules/a/occurrences')), { occurrences: [] });
  });

  it('begins when a pause ends by itself', async () => {
    const { app } = await testApi();
    const body = { ...HOURLY, paused: true, pause_until: hours(2)[0]?.at };
    await send(app, 'POST', '/schedules', { ...body, id: 'a' });
    const expected = { occurrences: hours(3, 4) };
    assert.deepEqual(await json(app.request('/schedules/a/occurrences?count=2')), expected);
    assert.deepEqual(await json(send(app, 'POST', '/schedules/preview', { ...body, count: 2 })), expected);
  });

  it('refuses an invalid count, any other parameter, and an unknown schedule', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    for (const count of ['0', '101', '', 'x']) {
      const { detail } = await problem(app.request(`/schedules/a/occurrences?count=${count}`), 400);
      assert.equal(detail, `count: "${count}" is not a whole number from 1 to 100`);
    }
    await problem(app.request('/schedules/a/occurrences?limit=5'), 400);
    await problem(app.request('/schedules/b/occurrences'), 404);
  });
});
