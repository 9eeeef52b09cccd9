import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreUnavailable } from '../../../src/actors/shared/storeErrors.ts';
import type { Store } from '../../../src/actors/store.ts';
import { json, problem, testApi } from '../support.ts';

const pinging = (ping: () => Promise<void>) => ({ store: (store: Store) => ({ ...store, ping }) });

describe('GET /health', () => {
  it('responds OK, whatever the state', async () => {
    const { app } = await testApi({
      status: { state: 'connecting', live: false, ready: false, reasons: ['no store'] },
    });
    const response = await app.request('/health');
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'OK');
  });
});

describe('GET /livez', () => {
  it('is 200 while the replica works, ready or not', async () => {
    const { app } = await testApi({
      status: { state: 'connecting', live: true, ready: false, reasons: ['no store'] },
    });
    assert.deepEqual(await json(app.request('/livez')), { status: 'ok' });
  });

  it('is 503 with the reasons when it does not', async () => {
    const { app } = await testApi({
      status: { state: 'leading', live: false, ready: true, reasons: ['the loop stalls'] },
    });
    const { detail, reasons } = await problem(app.request('/livez'), 503);
    assert.equal(detail, 'not live: the loop stalls');
    assert.deepEqual(reasons, ['the loop stalls']);
  });
});

describe('GET /readyz', () => {
  it('is 200 when the replica is ready', async () => {
    assert.deepEqual(await json((await testApi()).app.request('/readyz')), { status: 'ok' });
  });

  it('is 503 with the reasons when it is not', async () => {
    const { app } = await testApi({
      status: { state: 'draining', live: true, ready: false, reasons: ['shutting down', 'no mirror'] },
    });
    const { detail, reasons } = await problem(app.request('/readyz'), 503);
    assert.equal(detail, 'not ready: shutting down; no mirror');
    assert.deepEqual(reasons, ['shutting down', 'no mirror']);
  });

  it('names the state when there is no other reason', async () => {
    const { app } = await testApi({ status: { state: 'connecting', live: true, ready: false, reasons: [] } });
    assert.equal(
      (await problem(app.request('/readyz'), 503)).detail,
      'not ready: the replica is connecting',
    );
  });

  it('is 503 when the store does not answer', async () => {
    const { app } = await testApi(pinging(() => Promise.reject(new StoreUnavailable('no'))));
    assert.equal(
      (await problem(app.request('/readyz'), 503)).detail,
      'not ready: the store does not answer',
    );
  });

  it('is 503 when the store does not answer in time', async () => {
    let pinged = () => {};
    const asked = new Promise<void>((resolve) => pinged = resolve);
    const { app, fireTimers } = await testApi(pinging(() => {
      pinged();
      return new Promise(() => {});
    }));
    const answer = app.request('/readyz');
    await asked;
    fireTimers();
    assert.equal((await problem(answer, 503)).detail, 'not ready: the store does not answer');
  });
});
