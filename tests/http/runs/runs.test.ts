import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  EXPIRE_AT,
  HOURLY,
  json,
  lead,
  NOW_MS,
  problem,
  recordRuns,
  send,
  type TestApi,
  testApi,
} from '../support.ts';
import { workNow } from '../../../src/domain/runs/run.ts';
import { claimed, outcomeOf } from '../../support/runs.ts';
import { understood } from '../../support/schedules.ts';

const at = (ms: number) => new Date(NOW_MS + ms);
const ids = (runs: { id: string }[]) => runs.map(({ id }) => id);

/** Schedule `a` with five runs, one failed, and one for three missed occurrences. */
async function withRuns(): Promise<TestApi> {
  const api = await testApi();
  await send(api.app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
  await recordRuns(api.store, await lead(api.store), 'a', [
    {
      scheduled_for: at(1),
      state: 'missed',
      reason: 'catch_up_limit',
      attempt: 0,
      count: 3,
      since: at(-1),
      finished_at: at(9),
      expire_at: EXPIRE_AT,
    },
    { scheduled_for: at(2) },
    { scheduled_for: at(3) },
    { scheduled_for: at(4) },
    { scheduled_for: at(5) },
  ]);
  await api.store.runs.record([{
    run_id: 'a@2030-01-01T00:00:00.004Z',
    schedule_id: 'a',
    turn: null,
    pause_after_failures: null,
    attempt: 1,
    executor: 'replica-2',
    executor_boot: 'boot-2',
    state: 'failed',
    started_at: at(5),
    finished_at: at(6),
    lateness_ms: 1,
    error: 'no',
    output: null,
    retry_at: null,
    expire_at: EXPIRE_AT,
  }]);
  return api;
}

describe('GET /schedules/{id}/runs', () => {
  it('lists the newest first, page by page', async () => {
    const { app } = await withRuns();
    const first = await app.request('/schedules/a/runs?limit=3');
    assert.deepEqual(ids(await json(first)), [
      'a@2030-01-01T00:00:00.005Z',
      'a@2030-01-01T00:00:00.004Z',
      'a@2030-01-01T00:00:00.003Z',
    ]);
    const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    assert.match(link, /^\/schedules\/a\/runs\?limit=3&cursor=/);
    const last = await app.request(link);
    assert.deepEqual(ids(await json(last)), ['a@2030-01-01T00:00:00.002Z', 'a@2030-01-01T00:00:00.001Z']);
    assert.equal(last.headers.get('link'), null);
  });

  it('filters by state, also on the next page', async () => {
    const { app } = await withRuns();
    const first = await app.request('/schedules/a/runs?state=failed,missed&limit=1');
    assert.deepEqual(ids(await json(first)), ['a@2030-01-01T00:00:00.004Z']);
    const link = /^<([^>]+)>/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    assert.deepEqual(ids(await json(app.request(link))), ['a@2030-01-01T00:00:00.001Z']);
  });

  it('is empty for a schedule without runs, and for a filter without matches', async () => {
    const { app } = await withRuns();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'b' });
    assert.deepEqual(await json(app.request('/schedules/b/runs')), []);
    assert.deepEqual(await json(app.request('/schedules/a/runs?state=cancelled')), []);
  });

  it('outlives the schedule', async () => {
    const { app } = await withRuns();
    await app.request('/schedules/a', { method: 'DELETE' });
    assert.equal((await json(app.request('/schedules/a/runs'))).length, 5);
    assert.deepEqual(await json(app.request('/schedules/a/runs?state=cancelled')), []);
  });

  const bad: [string, string][] = [
    [
      'state=failed,broken',
      'state: "broken" is not a state of a run; there are claimed, running, retrying, succeeded, failed, ' +
      'timed_out, cancelled, skipped, missed, abandoned',
    ],
    ['limit=1e3', 'limit: "1e3" is not a whole number from 1 to 1000'],
    ['until=now', 'until: not a query parameter of this list, which has limit, cursor, state, from, to'],
    [
      'schedule_id=b',
      'schedule_id: not a query parameter of this list, which has limit, cursor, state, from, to',
    ],
    [
      'from=yesterday',
      'from: "yesterday" is not an RFC 3339 time; write one such as "2026-01-31T09:30:00Z" or "2026-01-31T10:30:00+01:00"',
    ],
    [
      'cursor=bm9wZQ',
      'cursor: this is not a cursor of this list; use the one in the Link header of the previous page',
    ],
  ];
  for (const [query, sentence] of bad) {
    it(`answers 400 to ?${query}`, async () => {
      const { app } = await withRuns();
      assert.equal((await problem(app.request(`/schedules/a/runs?${query}`), 400)).detail, sentence);
    });
  }
});

describe('GET /runs', () => {
  it('lists the runs of all schedules, newest first, by state, time and schedule', async () => {
    const { app, store } = await withRuns();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'b' });
    const grant = { holder: 'replica-2', boot: 'boot-2', term: 1 };
    await recordRuns(store, grant, 'b', [{ scheduled_for: at(2) }, { scheduled_for: at(6) }]);
    const list = async (query: string) =>
      (await json(app.request(`/runs${query}`))).map((run: { schedule_id: string; scheduled_for: string }) =>
        `${run.schedule_id} ${Date.parse(run.scheduled_for) - NOW_MS}`
      );
    assert.deepEqual(await list(''), ['b 6', 'a 5', 'a 4', 'a 3', 'b 2', 'a 2', 'a 1']);
    assert.deepEqual(await list('?state=failed,missed'), ['a 4', 'a 1']);
    assert.deepEqual(await list('?schedule_id=b'), ['b 6', 'b 2']);
    assert.deepEqual(await list('?schedule_id=none'), []);
    const [from, to] = [at(2), at(4)].map((time) => time.toISOString());
    assert.deepEqual(await list(`?from=${from}&to=${to}`), ['a 3', 'b 2', 'a 2']);
    assert.deepEqual(await list(`?from=${from}&state=claimed&schedule_id=a`), ['a 5', 'a 3', 'a 2']);
    const first = await app.request(`/runs?from=${from}&limit=2`);
    const [, next] = /^<(.*)>/.exec(first.headers.get('link') ?? '') ?? [];
    assert.deepEqual(ids(await json(app.request(next ?? ''))), [
      'a@2030-01-01T00:00:00.004Z',
      'a@2030-01-01T00:00:00.003Z',
    ]);
  });
});

describe('GET /runs/{id}', () => {
  it('returns the run, and no internal fields', async () => {
    const { app } = await withRuns();
    assert.deepEqual(await json(app.request('/runs/a@2030-01-01T00:00:00.004Z')), {
      id: 'a@2030-01-01T00:00:00.004Z',
      schedule_id: 'a',
      schedule_revision: 1,
      schedule_created_at: '2030-01-01T00:00:00.000Z',
      scheduled_for: '2030-01-01T00:00:00.004Z',
      available_at: '2030-01-01T00:00:00.004Z',
      trigger: 'schedule',
      state: 'failed',
      reason: null,
      waiting_for: null,
      overlap: null,
      attempt: 1,
      max_attempts: 1,
      attempts: [{
        number: 1,
        executor: 'replica-2',
        started_at: '2030-01-01T00:00:00.005Z',
        finished_at: '2030-01-01T00:00:00.006Z',
        state: 'failed',
        error: 'no',
      }],
      executor: 'replica-2',
      term: 1,
      claimed_at: '2030-01-01T00:00:00.000Z',
      started_at: '2030-01-01T00:00:00.005Z',
      finished_at: '2030-01-01T00:00:00.006Z',
      lateness_ms: 1,
      error: 'no',
      output: null,
    });
  });

  it('says what it waits for, until when, and of how many attempts', async () => {
    const { app, store } = await testApi();
    const policy = { retry: { max_attempts: 3 } };
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a', policy });
    const schedule = understood(await store.schedules.get('a'));
    const run = { scheduled_for: at(1), work: workNow(schedule) };
    await recordRuns(store, await lead(store), 'a', [run]);
    const attempt = { ...claimed('a', NOW_MS + 1), executor: 'replica-2', executor_boot: 'boot-2' };
    const failed = { state: 'failed' as const, error: 'no', retry_at: at(90) };
    await store.runs.record([outcomeOf(attempt, failed)]);
    const retrying = await json(app.request(`/runs/${attempt.id}`));
    const { state, waiting_for, available_at, executor, started_at, finished_at, max_attempts } = retrying;
    assert.deepEqual({ state, waiting_for, available_at, executor, started_at, finished_at, max_attempts }, {
      state: 'retrying',
      waiting_for: 'retry',
      available_at: at(90).toISOString(),
      executor: null,
      started_at: at(2).toISOString(),
      finished_at: null,
      max_attempts: 3,
    });
    assert.deepEqual([retrying.attempt, retrying.attempts.length], [1, 1]);
  });

  it('includes the number of occurrences of a record, if more than one', async () => {
    const { app } = await withRuns();
    const run = await json(app.request('/runs/a%402030-01-01T00%3A00%3A00.001Z'));
    assert.equal(run.count, 3);
    assert.equal(run.since, '2029-12-31T23:59:59.999Z');
  });

  it('is a 404 for an unknown id', async () => {
    for (const [id, quoted] of [['nothing', 'nothing'], ['a%20b', 'a b']]) {
      const { detail, instance } = await problem((await testApi()).app.request(`/runs/${id}`), 404);
      assert.equal(detail, `there is no run "${quoted}"`);
      assert.equal(instance, `/runs/${id}`);
    }
  });
});
