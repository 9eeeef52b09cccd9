import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { Store } from '../../../src/actors/store.ts';
import { everySpec } from '../../../harness/definitions.ts';
import { HOURLY, json, lead, NOW_MS, problem, recordRuns, send, testApi } from '../support.ts';
import { understood } from '../../support/schedules.ts';

const CHANGES: [string, string][] = [
  ['PUT', '/schedules/a'],
  ['DELETE', '/schedules/a'],
  ['POST', '/schedules/a/pause'],
  ['POST', '/schedules/a/resume'],
];

/** An API with schedule `a`, whose store fails all reads after a change, or from the beginning. */
async function breaking(when: 'after a change' | 'at once' | 'never') {
  let broken = false;
  const guarded = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => (...args: A) =>
    broken ? Promise.reject(new StoreUnavailable('away')) : call(...args);
  const changing = <A extends unknown[], T>(call: (...args: A) => Promise<T>) => async (...args: A) => {
    const result = await call(...args);
    broken = when === 'after a change';
    return result;
  };
  const api = await testApi({
    store: (store: Store) => ({
      ...store,
      runs: { ...store.runs, latest: guarded(store.runs.latest), list: guarded(store.runs.list) },
      schedules: {
        ...store.schedules,
        get: guarded(store.schedules.get),
        create: changing(store.schedules.create),
        replace: changing(store.schedules.replace),
        remove: changing(store.schedules.remove),
      },
    }),
  });
  await api.store.schedules.create('a', { ...PAUSED });
  broken = when === 'at once';
  return api;
}

const PAUSED = everySpec('1h', { paused: true });

describe('a committed change', () => {
  for (const [method, path] of [['POST', '/schedules'], ...CHANGES] as [string, string][]) {
    it(`has a response even if nothing can be read afterwards: ${method} ${path}`, async () => {
      const { app } = await breaking('after a change');
      const body = path.endsWith('e') ? { reason: 'x' } : { ...HOURLY, paused: false };
      const response = await send(app, method, path, path.endsWith('resume') ? '' : body);
      assert.equal(response.status, path === '/schedules' ? 201 : 200, await response.clone().text());
    });
  }

  for (const [method, path] of CHANGES) {
    it(`is not attempted when its response could not be composed: ${method} ${path}`, async () => {
      const { app, store } = await breaking('at once');
      await problem(send(app, method, path, path.endsWith('a') ? HOURLY : ''), 503);
      assert.equal(understood(await store.schedules.get('a')).revision, 1);
    });
  }

  it('has a response with the last run', async () => {
    const { app, store } = await breaking('never');
    await recordRuns(store, await lead(store), 'a', [{ scheduled_for: new Date(NOW_MS + 5) }]);
    for (const [method, path] of CHANGES.toReversed()) {
      const { last_run } = await json(send(app, method, path, path.endsWith('a') ? HOURLY : ''));
      assert.equal(last_run.id, 'a@2030-01-01T00:00:00.005Z', path);
      if (method === 'DELETE') break;
    }
  });
});

describe('a new schedule under an old id', () => {
  it('has no last and no recent runs; the list of its runs distinguishes the old ones', async () => {
    const { app, store } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    const old = (await json(app.request('/schedules/a'))).created_at;
    await recordRuns(store, await lead(store), 'a', [{ scheduled_for: new Date(NOW_MS + 5) }]);
    assert.equal((await json(app.request('/schedules/a'))).last_run.schedule_created_at, old);
    await app.request('/schedules/a', { method: 'DELETE' });
    const made = await json(send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' }));
    assert.equal(made.last_run, null);
    assert.notEqual(made.created_at, old);
    assert.equal((await json(app.request('/schedules/a'))).last_run, null);
    const [item] = await json(app.request('/schedules?recent=5'));
    assert.deepEqual([item.last_run, item.recent_runs], [null, []]);
    assert.equal((await json(send(app, 'POST', '/schedules/a/pause', ''))).last_run, null);
    const [run] = await json(app.request('/schedules/a/runs'));
    assert.equal(run.schedule_created_at, old);
  });
});

describe('a schedule that can never fire again', () => {
  const soon = new Date(NOW_MS + 1000).toISOString();
  const past = new Date(NOW_MS - 1000).toISOString();
  const cases: [string, object, boolean][] = [
    ['times in the past', { type: 'at_times', definition: { times: [past] } }, true],
    ['times to come', { type: 'at_times', definition: { times: [past, soon] } }, false],
    ['an end before the next date', { ...HOURLY, end_at: soon }, true],
    [
      'an end before the first interval',
      { type: 'duration', definition: { interval: '1h' }, end_at: soon },
      true,
    ],
    ['a start after the last time', {
      type: 'at_times',
      definition: { times: [past, soon] },
      start_at: '2031-01-01T00:00:00Z',
    }, true],
    ['no end', HOURLY, false],
  ];
  for (const [what, spec, completed] of cases) {
    it(`is ${completed ? '' : 'not '}completed: ${what}`, async () => {
      const { app } = await testApi();
      const made = await json(send(app, 'POST', '/schedules', { ...spec, id: 'a' }));
      assert.deepEqual([made.completed, made.next_fire_at === null], [completed, completed]);
      const paused = await json(send(app, 'POST', '/schedules/a/pause', ''));
      assert.deepEqual([paused.completed, paused.next_fire_at], [completed, null]);
      const [item] = await json(app.request('/schedules'));
      assert.equal(item.completed, completed);
      assert.equal((await send(app, 'PUT', '/schedules/a', paused)).status, 200, 'PUT accepts it');
      assert.equal((await json(app.request('/schedules/a', { method: 'DELETE' }))).completed, true);
    });
  }
});
