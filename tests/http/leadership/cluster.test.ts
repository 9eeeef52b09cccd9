import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Term, termsOf } from '../../../src/domain/leadership/term.ts';
import { announcement } from '../../support/replicas.ts';
import { json, lead, NOW_MS, problem, testApi } from '../support.ts';

describe('GET /leader', () => {
  it('is a 503 while there is no leader', async () => {
    const { app } = await testApi();
    const response = await app.request('/leader');
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal((await problem(response, 503)).detail, 'there is no leader at the moment; try again');
  });

  it('returns the leader', async () => {
    const { app, store } = await testApi();
    await lead(store);
    assert.deepEqual(await json(app.request('/leader')), {
      replica: 'replica-2',
      boot: 'boot-2',
      term: 1,
      address: 'http://127.0.0.1:8082',
      acquired_at: '2030-01-01T00:00:00.000Z',
      expires_at: '2030-01-01T00:01:00.000Z',
    });
  });

  it('is a 503 again after a release', async () => {
    const { app, store } = await testApi();
    await store.lease.release(await lead(store), 'released');
    await problem(app.request('/leader'), 503);
  });
});

const LED = { at: new Date(NOW_MS - 500), from: 'candidate' as const, to: 'leader' as const, by: 'acquired' };

describe('GET /cluster', () => {
  it('returns the replicas, the leader and the watermark', async () => {
    const { app, store } = await testApi();
    const grant = await lead(store);
    await store.lease.renew(grant, 60_000, {
      claimedThroughMs: NOW_MS + 9_000,
      mirroredThroughMs: NOW_MS + 8_000,
    });
    for (const [id, role] of [['replica-2', 'leader'], ['replica-1', 'follower']] as const) {
      const led = { transitions: [LED], transition_count: 1, warnings: ['its address is wrong'] };
      const started_at = new Date(NOW_MS - 1_000);
      await store.presence.announce(announcement(id, { role, started_at, ...(role === 'leader' && led) }));
    }
    const replica = (id: string, role: string) => ({
      id,
      boot: `boot-${id}`,
      role,
      address: `http://${id}`,
      version: '1',
      started_at: '2029-12-31T23:59:59.000Z',
      last_seen: '2030-01-01T00:00:00.000Z',
      lost_at: null,
      transitions: role === 'leader' ? [{ ...LED, at: LED.at.toISOString() }] : [],
      lease_timing: { duration_ms: 3000, retry_ms: 300, margin_ms: 500 },
      warnings: role === 'leader' ? ['its address is wrong'] : [],
      places: { used: 0, max: 500 },
    });
    assert.deepEqual(await json(app.request('/cluster')), {
      leader: 'replica-2',
      term: 1,
      watermark: '2030-01-01T00:00:08.000Z',
      now: '2030-01-01T00:00:00.000Z',
      clock: { set_back: null, behind_ms: 0 },
      inspected_by: 'replica-1',
      warnings: ['replica-2: its address is wrong'],
      replicas: [replica('replica-1', 'follower'), replica('replica-2', 'leader')],
    });
  });

  it('has no leader before and after a term', async () => {
    const { app, store } = await testApi();
    const before = await json(app.request('/cluster'));
    assert.deepEqual([before.leader, before.term, before.replicas], [null, 0, []]);
    await store.lease.release(await lead(store), 'released');
    const after = await json(app.request('/cluster'));
    assert.deepEqual([after.leader, after.term], [null, 1]);
  });
});

describe('GET /leadership', () => {
  const CANDIDATE = { holder: 'replica-2', boot: 'boot-2', address: 'http://127.0.0.1:8082' };
  const FIRST = {
    term: 1,
    replica: 'replica-2',
    boot: 'boot-2',
    began_at: '2030-01-01T00:00:00.000Z',
    began_by: 'acquired',
    ended_at: null,
    ended_by: null,
    gap_ms: null,
  };

  /** The API after replica-2 has led for `durationMs` and recorded it. */
  async function led(durationMs: number) {
    const api = await testApi();
    const won = await api.store.lease.acquire(CANDIDATE, durationMs, null);
    assert.ok(won);
    await api.store.leadership.record(termsOf(won));
    return { ...api, grant: { holder: 'replica-2', boot: 'boot-2', term: won.lease.term } };
  }

  it('is empty before the first term', async () => {
    const { app } = await testApi();
    assert.deepEqual(await json(app.request('/leadership')), []);
  });

  it('lists the terms, newest first, with how each began and ended', async () => {
    const { app, store, grant } = await led(60_000);
    assert.deepEqual(await json(app.request('/leadership')), [FIRST]);
    const next = { holder: 'replica-3', boot: 'boot-3', address: 'http://127.0.0.1:8083' };
    const won = await store.lease.acquire(next, 60_000, { ...grant, diedAt: new Date() });
    assert.ok(won);
    await store.leadership.record(termsOf(won));
    assert.deepEqual(await json(app.request('/leadership')), [
      {
        ...FIRST,
        term: 2,
        replica: 'replica-3',
        boot: 'boot-3',
        began_by: 'pre-empted',
        gap_ms: 0,
      },
      { ...FIRST, ended_at: '2030-01-01T00:00:00.000Z', ended_by: 'fenced' },
    ]);
  });

  it('reports that the newest term was released before it has a successor', async () => {
    const { app, store, grant } = await led(60_000);
    await store.lease.release(grant, 'released');
    const [newest] = await json(app.request('/leadership'));
    assert.deepEqual(newest, { ...FIRST, ended_at: '2030-01-01T00:00:00.000Z', ended_by: 'released' });
  });

  it('reports that the newest term expired before it has a successor', async () => {
    // With a stopped clock, a lease without a duration expires at once.
    const { app } = await led(0);
    const [newest] = await json(app.request('/leadership'));
    assert.deepEqual(newest, { ...FIRST, ended_at: '2030-01-01T00:00:00.000Z', ended_by: 'expired' });
  });

  it('lists 100 terms, or as many as requested, up to 1,000', async () => {
    const { app, store } = await testApi();
    for (let term = 1; term <= 1001; term++) {
      const began_at = new Date(NOW_MS + term);
      const began: Term = { ...FIRST, term, began_at, began_by: 'acquired', ended_at: null, ended_by: null };
      await store.leadership.record({ began, ended: null });
    }
    for (const [query, count] of [['', 100], ['?limit=1', 1], ['?limit=1000', 1000]] as const) {
      const terms = await json(app.request(`/leadership${query}`));
      assert.deepEqual([terms.length, terms[0].term], [count, 1001]);
    }
  });

  it('continues before a term', async () => {
    const { app, store } = await testApi();
    for (let term = 1; term <= 5; term++) {
      const began = { ...FIRST, term, began_at: new Date(NOW_MS), ended_at: null, ended_by: null } as Term;
      await store.leadership.record({ began, ended: null });
    }
    const terms = async (query: string) =>
      (await json(app.request(`/leadership${query}`))).map(({ term }: Term) => term);
    assert.deepEqual(await terms('?limit=2&before=4'), [3, 2]);
    assert.deepEqual(await terms('?before=1'), []);
    const { detail } = await problem(app.request('/leadership?before=last'), 400);
    assert.equal(detail, 'before: "last" is not a term, which is a whole number');
  });

  it('refuses an invalid limit, and any other parameter', async () => {
    const { app } = await testApi();
    for (const limit of ['0', '1001', 'all', '']) {
      const { detail } = await problem(app.request(`/leadership?limit=${limit}`), 400);
      assert.equal(detail, `limit: "${limit}" is not a whole number from 1 to 1000`);
    }
    const { detail } = await problem(app.request('/leadership?cursor=x'), 400);
    assert.equal(detail, 'cursor: not a query parameter of this list, which has limit, before');
  });
});
