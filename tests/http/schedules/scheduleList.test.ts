import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOURLY, json, lead, NOW_MS, problem, recordRuns, send, testApi } from '../support.ts';

describe('GET /schedules', () => {
  it('returns an array, page by page, with the total', async () => {
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

  it('searches, in pages', async () => {
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

  it('includes recent runs of each on request, newest first', async () => {
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

  it('includes the last run of each, by one read', async () => {
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
    ['paused=true&paused=true', 'paused: is repeated; give it once'],
    ['limit=1&tag=a:b&limi%74=1', 'limit: is repeated; give it once'],
    ['__proto__=1', `__proto__: not${LIST}`],
    [`q=${'x'.repeat(257)}`, 'q: has 257 characters; a search has at most 256'],
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
