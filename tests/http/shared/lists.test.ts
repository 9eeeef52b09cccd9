import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../../../src/actors/store.ts';
import { termOf } from '../../support/terms.ts';
import { json, lead, NOW_MS, problem, recordRuns, send, testApi } from '../support.ts';
import { understood } from '../../support/schedules.ts';

const MiB = 1024 * 1024;
const TIMES = Array.from({ length: 10_000 }, (_, i) => new Date(NOW_MS + (i - 4_999.5) * 1000).toISOString());
const MANY_TIMES = { type: 'at_times', definition: { times: TIMES } };
/** Some 100 KB. */
const FULL_TAGS = Object.fromEntries(
  Array.from({ length: 64 }, (_, i) => [`${i}`.padEnd(128, 'ä'), '"'.repeat(256)]),
);

/** The pages of a list, as text, by its links. */
async function pages(
  app: { request(path: string): Response | Promise<Response> },
  path: string,
): Promise<string[]> {
  const found: string[] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const response: Response = await app.request(next);
    found.push(await response.text());
    assert.equal(response.status, 200, found.at(-1));
    next = /<(.*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return found;
}

describe('a page of a list', () => {
  it('ends at 1 MiB, and the link continues after its last item', async () => {
    const { app } = await testApi();
    const ids = Array.from({ length: 40 }, (_, i) => `s${i + 10}`);
    for (const id of ids) {
      await send(app, 'POST', '/schedules', {
        id,
        type: 'duration',
        definition: { interval: '1h' },
        tags: FULL_TAGS,
      });
    }
    const found = await pages(app, '/schedules?limit=1000');
    assert.ok(found.length > 1);
    for (const page of found) assert.ok(page.length <= MiB, `${page.length}`);
    assert.deepEqual(found.flatMap((page) => JSON.parse(page).map(({ id }: { id: string }) => id)), ids);
    assert.equal((await app.request('/schedules?limit=1000')).headers.get('x-total-count'), '40');
  });

  it('holds as many items as requested, whatever the batch size', async () => {
    const { app } = await testApi();
    const ids = Array.from({ length: 130 }, (_, i) => `s${i + 100}`);
    for (const id of ids) {
      await send(app, 'POST', '/schedules', { id, type: 'duration', definition: { interval: '1h' } });
    }
    for (const limit of [1, 49, 50, 51, 100, 129, 130, 131, 1000]) {
      const found = (await pages(app, `/schedules?limit=${limit}`)).map((page) => JSON.parse(page));
      assert.deepEqual(found.map((page) => page.length).slice(0, -1).filter((count) => count !== limit), []);
      assert.deepEqual(found.flat().map(({ id }) => id), ids);
    }
  });

  it('of runs continues by the same rule', async () => {
    const { app, store } = await testApi();
    await send(app, 'POST', '/schedules', { id: 'a', type: 'duration', definition: { interval: '1s' } });
    const grant = await lead(store);
    const at = (i: number) => ({ scheduled_for: new Date(NOW_MS + 1000 * i), output: 'x'.repeat(4096) });
    await recordRuns(store, grant, 'a', Array.from({ length: 400 }, (_, i) => at(i)));
    for (const path of ['/runs', '/schedules/a/runs']) {
      const found = await pages(app, `${path}?limit=1000`);
      assert.equal(found.length, 2);
      for (const page of found) assert.ok(page.length <= MiB);
      const times = found.flatMap((page) => JSON.parse(page)).map(({ scheduled_for }) =>
        Date.parse(scheduled_for)
      );
      assert.deepEqual(times, Array.from({ length: 400 }, (_, i) => NOW_MS + 1000 * (399 - i)));
    }
  });

  it('of terms has a link, too', async () => {
    const { app, store } = await testApi();
    for (let term = 1; term <= 5; term++) {
      await store.leadership.record({ began: termOf('a', term, new Date(NOW_MS)), ended: null });
    }
    const found = await pages(app, '/leadership?limit=2');
    assert.deepEqual(found.map((page) => JSON.parse(page).map(({ term }: { term: number }) => term)), [
      [5, 4],
      [3, 2],
      [1],
    ]);
  });
});

describe('the moments of a schedule', () => {
  it('are summarised in lists, and listed by the schedule itself', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { id: 'a', ...MANY_TIMES });
    const [item] = await json(app.request('/schedules'));
    const next = new Date(NOW_MS + 500).toISOString();
    assert.deepEqual(item.definition, {
      times: { count: 10_000, first: TIMES[0], last: TIMES.at(-1), next },
    });
    assert.equal(item.next_fire_at, next);
    const whole = await json(app.request('/schedules/a'));
    assert.deepEqual(whole.definition.times, TIMES);
    assert.equal(whole.next_fire_at, next);
  });

  it('can’t be replaced by their summary, and the error says so', async () => {
    const { app, store } = await testApi();
    await send(app, 'POST', '/schedules', { id: 'a', ...MANY_TIMES });
    const [item] = await json(app.request('/schedules'));
    const { errors } = await problem(send(app, 'PUT', '/schedules/a', item), 422);
    assert.deepEqual(errors, [{
      pointer: '/definition/times',
      detail:
        'definition.times: is the summary shown in lists and events; write the times, as GET /schedules/{id} returns them',
    }]);
    assert.equal(understood(await store.schedules.get('a')).revision, 1);
  });
});

describe('large responses', () => {
  const asked = async () => {
    const api = await testApi();
    await json(send(api.app, 'POST', '/schedules', { id: 'a', ...MANY_TIMES }));
    for (let i = 0; i < 2; i++) {
      await json(send(api.app, 'POST', '/schedules', {
        type: 'duration',
        definition: { interval: '1h' },
        tags: FULL_TAGS,
      }));
    }
    return api;
  };

  it('are refused while 32 others are in flight, and small ones are not', async () => {
    const { app } = await asked();
    const open: Response[] = [];
    for (let i = 0; i < 32; i++) open.push(await app.request(i % 2 ? '/schedules' : '/schedules/a'));
    assert.deepEqual(open.map(({ status }) => status), Array(32).fill(200));
    for (const path of ['/schedules', '/schedules/a']) {
      const refused = await app.request(path);
      assert.equal(refused.headers.get('retry-after'), '2');
      await problem(refused, 503);
    }
    assert.equal((await app.request('/cluster')).status, 200);
    // A committed change has its response, however large.
    const changed = await send(app, 'PUT', '/schedules/a', { ...MANY_TIMES, name: 'changed' });
    assert.equal((await json(changed)).revision, 2);
    await open[0]?.text();
    assert.equal((await app.request('/schedules')).status, 200);
    await open[1]?.body?.cancel();
    assert.equal((await app.request('/schedules/a')).status, 200);
  });

  it('are not counted for HEAD', async () => {
    const { app } = await asked();
    for (let i = 0; i < 40; i++) {
      assert.equal((await app.request('/schedules/a', { method: 'HEAD' })).status, 200);
      assert.equal((await app.request('/schedules', { method: 'HEAD' })).status, 200);
    }
  });

  it('are built a few at a time; a hundred requests wait, others are refused', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => release = resolve);
    let reading = 0;
    const slow = (store: Store) => ({
      ...store,
      runs: {
        ...store.runs,
        list: async (...args: Parameters<Store['runs']['list']>) => {
          reading++;
          await held;
          return store.runs.list(...args);
        },
      },
    });
    const { app, fireTimers } = await testApi({ store: slow });
    const answers = Array.from({ length: 104 }, () => app.request('/runs'));
    await problem(app.request('/runs'), 503);
    assert.equal(reading, 4);
    // The store is slow: a request that has waited for a second is refused.
    fireTimers();
    for (const answer of answers.slice(4)) await problem(answer, 503);
    const later = Array.from({ length: 100 }, () => app.request('/runs'));
    release();
    for (const answer of [...answers.slice(0, 4), ...later]) assert.equal((await answer).status, 200);
    assert.equal((await app.request('/runs')).status, 200);
  });
});
