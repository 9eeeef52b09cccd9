import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { json, lead, NOW_MS, problem, testApi } from './support.ts';

describe('GET /leader', () => {
  it('is a 503 while nobody leads', async () => {
    const { app } = await testApi();
    const response = await app.request('/leader');
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal((await problem(response, 503)).detail, 'nobody leads at the moment; try again');
  });

  it('tells who leads', async () => {
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
    await store.lease.release(await lead(store));
    await problem(app.request('/leader'), 503);
  });
});

describe('GET /cluster', () => {
  it('tells the replicas, the leader and how far the work is done', async () => {
    const { app, store } = await testApi();
    const grant = await lead(store);
    await store.lease.renew(grant, 60_000, {
      claimedThroughMs: NOW_MS + 9_000,
      mirroredThroughMs: NOW_MS + 8_000,
    });
    for (const [id, role] of [['replica-2', 'leader'], ['replica-1', 'follower']] as const) {
      await store.presence.announce({
        id,
        boot: `boot of ${id}`,
        role,
        address: `http://${id}`,
        version: '0.1.0',
        started_at: new Date(NOW_MS - 1_000),
      });
    }
    const replica = (id: string, role: string) => ({
      id,
      boot: `boot of ${id}`,
      role,
      address: `http://${id}`,
      version: '0.1.0',
      started_at: '2029-12-31T23:59:59.000Z',
      last_seen: '2030-01-01T00:00:00.000Z',
    });
    assert.deepEqual(await json(app.request('/cluster')), {
      leader: 'replica-2',
      term: 1,
      watermark: '2030-01-01T00:00:08.000Z',
      replicas: [replica('replica-1', 'follower'), replica('replica-2', 'leader')],
    });
  });

  it('has no leader before and after a term', async () => {
    const { app, store } = await testApi();
    const before = await json(app.request('/cluster'));
    assert.deepEqual([before.leader, before.term, before.replicas], [null, 0, []]);
    await store.lease.release(await lead(store));
    const after = await json(app.request('/cluster'));
    assert.deepEqual([after.leader, after.term], [null, 1]);
  });
});
