import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualRun } from '../../../src/domain/runs/request.ts';
import { create } from '../../store/support.ts';
import { HOURLY, json, NOW_MS, problem, send, testApi } from '../support.ts';

const CAUSE = 'this replica is connecting: this MongoDB is a standalone server';
const connecting = { state: 'connecting', live: true, ready: false, reasons: [CAUSE] };

describe('a replica whose store is not prepared', () => {
  it('refuses changes, with the cause, and serves reads', async () => {
    const { app } = await testApi({ status: connecting });
    const { endpoints } = await json(app.request('/')) as unknown as {
      endpoints: { method: string; path: string }[];
    };
    const writes = endpoints.filter(({ method, path }) => method !== 'GET' && path !== '/schedules/preview');
    assert.ok(writes.length >= 7, JSON.stringify(endpoints));
    for (const { method, path } of writes) {
      const refused = await problem(send(app, method, path.replace('{id}', 's'), HOURLY), 503);
      assert.ok(refused.detail.endsWith(CAUSE), refused.detail);
    }
    assert.deepEqual(await json(app.request('/schedules')), []);
    assert.equal((await send(app, 'POST', '/schedules/preview', HOURLY)).status, 200);
  });
});

describe('a run that this version does not understand', () => {
  it('is a 503 with the reason', async () => {
    const { app, store } = await testApi();
    const run = manualRun(await create(store, 's'), NOW_MS, 'x');
    await store.runs.request(run);
    const reason = 'state is "half", which this version does not know';
    store.runs.get = () => Promise.resolve({ id: run.id, not_understood: reason });
    const { detail } = await problem(app.request(`/runs/${run.id}`), 503);
    assert.ok(detail.endsWith(reason), detail);
  });
});
