import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOURLY, json, lead, NOW_MS, problem, recordRuns, send, testApi } from '../support.ts';

const NEXT_HOUR = '2030-01-01T01:00:00.000Z';

describe('POST /schedules', () => {
  it('answers 201 with the schedule, where it is and its revision', async () => {
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
      policy: { catch_up: 'all', catch_up_window: '60s', on_executor_loss: 'retry' },
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

  it('refuses ids that no URL can hold', async () => {
    for (const id of ['.', '..']) {
      const { errors } = await problem(
        send((await testApi()).app, 'POST', '/schedules', { ...HOURLY, id }),
        422,
      );
      assert.deepEqual(errors?.map(({ pointer }) => pointer), ['/id']);
    }
  });

  it('tells everything that is wrong at once', async () => {
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

describe('GET /schedules', () => {
  it('is an array, page by page, with the total', async () => {
    const { app } = await testApi();
    for (const id of ['a', 'b', 'c']) await send(app, 'POST', '/schedules', { ...HOURLY, id });
    const first = await app.request('/schedules?limit=2');
    assert.equal(first.headers.get('x-total-count'), '3');
    assert.deepEqual((await json(first)).map(({ id }: { id: string }) => id), ['a', 'b']);

    const link = /^<(\/schedules\?limit=2&cursor=[^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '');
    const last = await app.request(link?.[1] ?? '');
    assert.equal(last.headers.get('link'), null);
    assert.equal(last.headers.get('x-total-count'), '3');
    assert.deepEqual((await json(last)).map(({ id }: { id: string }) => id), ['c']);
  });

  it('can be searched, in pages', async () => {
    const { app } = await testApi();
    const create = (id: string, more: object = {}) =>
      send(app, 'POST', '/schedules', { ...HOURLY, id, ...more });
    await create('a', { name: 'Nightly report', tags: { team: 'billing', 'a.b$': 'x:y' } });
    await create('b', { paused: true, tags: { team: 'ops' } });
    await create('report.c', { type: 'duration', definition: { interval: '1s' } });
    const ids = async (query: string) =>
      (await json(app.request(`/schedules?${query}`))).map(({ id }: { id: string }) => id);
    assert.deepEqual(await ids('q=REPORT'), ['a', 'report.c']);
    assert.deepEqual(await ids('q=t.c'), ['report.c']);
    assert.deepEqual(await ids('q='), ['a', 'b', 'report.c']);
    assert.deepEqual(await ids('type=cron'), ['a', 'b']);
    assert.deepEqual(await ids('paused=true'), ['b']);
    assert.deepEqual(await ids('paused=false&type=cron'), ['a']);
    assert.deepEqual(await ids('tag=team:billing'), ['a']);
    assert.deepEqual(await ids('tag=a.b$:x:y'), ['a']);
    const first = await app.request('/schedules?q=report&limit=1');
    assert.equal(first.headers.get('x-total-count'), '2');
    const [, next] = /^<(.*)>/.exec(first.headers.get('link') ?? '') ?? [];
    assert.deepEqual((await json(app.request(next ?? ''))).map(({ id }: { id: string }) => id), ['report.c']);
  });

  it('shows some recent runs of each, newest first, if asked to', async () => {
    const { app, store } = await testApi();
    for (const id of ['a', 'b']) await send(app, 'POST', '/schedules', { ...HOURLY, id });
    const runs = [3, 2, 1].map((ago) => ({ scheduled_for: new Date(NOW_MS - ago) }));
    await recordRuns(store, await lead(store), 'b', runs);
    const [a, b] = await json(app.request('/schedules?recent=2'));
    assert.deepEqual([a.recent_runs, b.recent_runs.length], [[], 2]);
    assert.deepEqual(b.recent_runs[0], {
      id: 'b@2029-12-31T23:59:59.999Z',
      scheduled_for: '2029-12-31T23:59:59.999Z',
      state: 'claimed',
      lateness_ms: 0,
    });
    const [plain] = await json(app.request('/schedules'));
    assert.equal('recent_runs' in plain, false);
  });

  it('is an empty array when there is none', async () => {
    assert.deepEqual(await json((await testApi()).app.request('/schedules')), []);
  });

  it('shows the last run of each, read at once', async () => {
    let reads = 0;
    const { app, store } = await testApi({
      store: (real) => ({
        ...real,
        runs: { ...real.runs, latest: (ids) => (reads++, real.runs.latest(ids)) },
      }),
    });
    for (const id of ['a', 'b', 'c']) await send(app, 'POST', '/schedules', { ...HOURLY, id });
    const grant = await lead(store);
    await recordRuns(store, grant, 'b', [{ scheduled_for: new Date(NOW_MS - 2) }, {
      scheduled_for: new Date(NOW_MS - 1),
    }]);
    reads = 0;
    const list = await json(app.request('/schedules'));
    assert.equal(reads, 1);
    assert.deepEqual(list.map(({ last_run }: { last_run: { id: string } | null }) => last_run?.id ?? null), [
      null,
      'b@2029-12-31T23:59:59.999Z',
      null,
    ]);
  });

  const LIST = ' a query parameter of this list, which has limit, cursor, q, type, tag, paused, recent';
  const bad: [string, string][] = [
    ['limit=0', 'limit: "0" is not a whole number from 1 to 1000'],
    ['limit=1001', 'limit: "1001" is not a whole number from 1 to 1000'],
    ['limit=ten', 'limit: "ten" is not a whole number from 1 to 1000'],
    [
      'colour=red',
      `colour: not${LIST}`,
    ],
    ['paused=yes', 'paused: "yes" is neither true nor false'],
    ['type=hourly', 'type: "hourly" is not a type of schedule; there are cron, at_times, duration'],
    ['tag=billing', 'tag: "billing" is not a tag; write its name and value, such as team:billing'],
    ['recent=21', 'recent: "21" is not a whole number from 0 to 20'],
    ['q=%00', 'q: has a control character, U+0000; leave it out'],
    ['tag=a:b&tag=c:%C2%9B', 'tag: has a control character, U+009B; leave it out'],
    ['tag=a:b&tag=c', 'tag: "c" is not a tag; write its name and value, such as team:billing'],
    [`${'tag=a:b&'.repeat(65)}`, 'tag: is given 65 times; a schedule has at most 64 tags'],
    ['paused=true&paused=true', 'paused: is given more than once; give it once'],
    ['limit=1&tag=a:b&limi%74=1', 'limit: is given more than once; give it once'],
    ['__proto__=1', `__proto__: not${LIST}`],
    [`q=${'x'.repeat(257)}`, 'q: has 257 characters; at most 256 are looked for'],
    [
      'cursor=xyz',
      'cursor: this is not a cursor of this list; use the one in the Link header of the previous page',
    ],
  ];
  for (const [query, sentence] of bad) {
    it(`answers 400 to ?${query.slice(0, 60)}`, async () => {
      assert.equal(
        (await problem((await testApi()).app.request(`/schedules?${query}`), 400)).detail,
        sentence,
      );
    });
  }
});

describe('GET /schedules with several tags', () => {
  it('lists those that have all of them, page by page', async () => {
    const { app } = await testApi();
    const create = (id: string, tags: unknown) => send(app, 'POST', '/schedules', { ...HOURLY, id, tags });
    await create('a', { a: '1', b: '2' });
    await create('b', { a: '1' });
    await create('c', { a: '1', b: '2', c: 'x&y=ä' });
    await create('d', { b: '2' });
    await create('e', { a: '1', b: '2' });
    const first = await app.request('/schedules?tag=a:1&limit=2&tag=b:2');
    assert.equal(first.headers.get('x-total-count'), '3');
    const link = /^<(.*)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    const ids = async (response: Response) => (await json(response)).map(({ id }: { id: string }) => id);
    assert.deepEqual(await ids(first), ['a', 'c']);
    const second = await app.request(link);
    assert.deepEqual([await ids(second), second.headers.get('link')], [['e'], null], link);
    assert.deepEqual(await ids(await app.request('/schedules?tag=b:2&tag=c:x%26y%3D%C3%A4')), ['c']);
    assert.deepEqual(await ids(await app.request('/schedules?tag=a:1&tag=a:2')), []);
  });
});

describe('a parameter that is given twice', () => {
  const paths: [string, RegExp][] = [
    ['/runs?schedule_id=a&schedule_id=b', /^schedule_id: is given more than once; give it once$/],
    ['/runs?state=failed&state=timed_out', /^state: .* give it once, with commas between its values$/],
    ['/schedules/a/runs?limit=1&limit=2', /^limit: /],
    ['/schedules/a/occurrences?count=1&count=2', /^count: /],
    ['/events?types=run&types=schedule', /^types: .* with commas/],
    ['/inspect?actor=a&actor=b', /^actor: .* with commas/],
    ['/liveness?boot=a&boot=b', /^boot: /],
    ['/leadership?before=1&before=2', /^before: /],
    ['/schedules/a?x=1&x=1', /^x: /],
    ['/nothing?x=1&x=1', /^x: /],
    ['/runs?tag=a&tag=b', /^tag: not a query parameter/],
  ];
  for (const [path, sentence] of paths) {
    it(`is refused: ${path}`, async () => {
      assert.match((await problem((await testApi()).app.request(path), 400)).detail, sentence);
    });
  }
});

describe('GET /schedules/{id}', () => {
  it('answers the schedule and its revision, and nothing internal', async () => {
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

  it('owes nothing before its definition took effect, also by a clock that is behind', async () => {
    const { app } = await testApi({ serverNowMs: NOW_MS - 60_000 });
    assert.equal((await json(send(app, 'POST', '/schedules', HOURLY))).next_fire_at, NEXT_HOUR);
  });

  it('has no next fire while it is paused, nor when it is done', async () => {
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

  it('takes back what GET answered', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    const got = await json(app.request('/schedules/a'));
    assert.equal((await send(app, 'PUT', '/schedules/a', got)).status, 200);
    for (const list of ['/schedules', '/schedules?recent=2']) {
      const [listed] = await json(app.request(list));
      assert.equal((await send(app, 'PUT', '/schedules/a', listed)).status, 200, list);
    }
    for (const command of ['pause', 'resume']) {
      const answered = await json(app.request(`/schedules/a/${command}`, { method: 'POST' }));
      assert.equal((await send(app, 'PUT', '/schedules/a', answered)).status, 200, command);
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

  it('refuses a bad body and leaves the schedule as it was', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    await problem(send(app, 'PUT', '/schedules/a', { type: 'cron' }), 422);
    assert.equal((await json(app.request('/schedules/a'))).revision, 1);
  });
});

describe('DELETE /schedules/{id}', () => {
  it('answers the deleted schedule, which will not fire again', async () => {
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

describe('an id that is unknown', () => {
  const calls: [string, string][] = [['GET', ''], ['PUT', ''], ['DELETE', ''], ['GET', '/runs']];
  for (const [method, rest] of calls) {
    it(`is a 404 on ${method} /schedules/{id}${rest}`, async () => {
      const body = method === 'PUT' ? { body: JSON.stringify(HOURLY) } : {};
      for (
        const [id, shown] of [['nobody', 'nobody'], ['a%2Fb', 'a/b'], ['a%00', 'a\\u0000'], ['%zz', '%zz']]
      ) {
        const { detail } = await problem(
          (await testApi()).app.request(`/schedules/${id}${rest}`, { method, ...body }),
          404,
        );
        assert.equal(detail, `there is no schedule "${shown}"`);
      }
    });
  }

  it('is that of another program, which can be shown and deleted', async () => {
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
