import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOURLY, NOW_MS, problem, send, testApi } from '../support.ts';

/** The API of a replica whose limits are 10 schedules and 20,000 moments. */
async function holding(schedules: number, moments: number) {
  const held = { schedules, moments };
  const api = await testApi({ holding: () => ({ ...held, momentsOf: (id) => id === 'a' ? 3 : null }) });
  const warnings = () => api.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
  return { ...api, held, warnings };
}

const times = (count: number) => ({
  type: 'at_times',
  definition: {
    times: Array.from({ length: count }, (_, i) => new Date(NOW_MS + 1000 * (i + 1)).toISOString()),
  },
});

describe('a schedule beyond the capacity', () => {
  it('is refused with 507 and a sentence, and not stored', async () => {
    const { app, store } = await holding(10, 0);
    const { detail } = await problem(send(app, 'POST', '/schedules', { ...HOURLY, id: 'b' }), 507);
    assert.match(detail, /^there are 10 schedules, and the limit is 10/);
    assert.equal(await store.schedules.get('b'), null);
  });

  it('includes moments, also in a replacement', async () => {
    const { app, held } = await holding(3, 19_000);
    assert.equal((await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' })).status, 201);
    await problem(send(app, 'POST', '/schedules', times(1001)), 507);
    await problem(send(app, 'PUT', '/schedules/a', times(1004)), 507);
    assert.equal((await send(app, 'PUT', '/schedules/a', times(1003))).status, 200);
    held.moments = 30_000;
    assert.equal((await send(app, 'PUT', '/schedules/a', times(3))).status, 200);
    assert.equal((await send(app, 'POST', '/schedules/a/pause', '')).status, 200);
    assert.equal((await send(app, 'POST', '/schedules', HOURLY)).status, 201);
  });
});

describe('a replica that is nearly full', () => {
  it('warns once, and again after there was room', async () => {
    const { app, held, warnings } = await holding(7, 0);
    const post = () => send(app, 'POST', '/schedules', HOURLY);
    await post();
    assert.deepEqual(warnings(), []);
    held.schedules = 8;
    await post();
    await post();
    assert.deepEqual(warnings(), ['close to the limit of schedules']);
    held.schedules = 7;
    await post();
    held.schedules = 9;
    await post();
    assert.equal(warnings().length, 2);
  });
});
