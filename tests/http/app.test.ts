import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ChangeDeclined, StoreRefused, StoreUnavailable } from '../../src/actors/shared/storeErrors.ts';
import type { Store } from '../../src/actors/store.ts';
import { tooManySuperseded } from '../../src/infra/schedules/superseded.ts';
import { HOURLY, json, problem, send, testApi } from './support.ts';

/** A store whose schedules always fail with the error. */
function failing(error: Error) {
  const fail = () => Promise.reject(error);
  const schedules: Store['schedules'] = {
    get: fail,
    list: fail,
    count: fail,
    create: fail,
    replace: fail,
    remove: fail,
  };
  return { store: (store: Store) => ({ ...store, schedules }) };
}

describe('an unknown path or method', () => {
  it('is a 404 with advice', async () => {
    const { title, detail, instance } = await problem((await testApi()).app.request('/nowhere'), 404);
    assert.equal(title, 'Not Found');
    assert.equal(detail, 'there is no endpoint at /nowhere; GET / lists all of them');
    assert.equal(instance, '/nowhere');
  });

  const wrong: [string, string, string][] = [
    ['PATCH', '/schedules', 'GET, HEAD, POST'],
    ['POST', '/schedules/a', 'GET, HEAD, PUT, DELETE'],
    ['POST', '/leader', 'GET, HEAD'],
    ['OPTIONS', '/', 'GET, HEAD'],
  ];
  for (const [method, path, allow] of wrong) {
    it(`is a 405 on ${method} ${path}, with the supported methods`, async () => {
      const response = await (await testApi()).app.request(path, { method });
      const allowed = (response.headers.get('allow') ?? '').split(', ').sort();
      assert.deepEqual(allowed, allow.split(', ').sort());
      const { detail } = await problem(response, 405);
      assert.ok(
        detail.startsWith(`${path.replace('/a', '/{id}')} does not support ${method}; it supports `),
        detail,
      );
    });
  }
});

describe('HEAD', () => {
  it('works where GET does, without a body', async () => {
    const { app } = await testApi();
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    for (const path of ['/', '/health', '/livez', '/readyz', '/cluster', '/schedules', '/schedules/a']) {
      const response = await app.request(path, { method: 'HEAD' });
      assert.equal(response.status, 200, path);
      assert.equal(await response.text(), '');
    }
    const response = await app.request('/schedules/a', { method: 'HEAD' });
    assert.equal(response.headers.get('etag'), '"1"');
  });
});

describe('every response', () => {
  it('has the security headers', async () => {
    const { app } = await testApi(failing(new Error('broken')));
    for (const path of ['/', '/health', '/schedules', '/nowhere', '/leader']) {
      const { headers } = await app.request(path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('cache-control'), 'no-store', path);
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none';/, path);
    }
  });

  it('is logged at debug level', async () => {
    const { app, log } = await testApi();
    await app.request('/nowhere?token=secret');
    assert.deepEqual(log, [{
      level: 'debug',
      message: 'request',
      fields: { method: 'GET', path: '/nowhere', status: 404, duration_ms: 0 },
    }]);
  });
});

describe('the observation of a response', () => {
  it('is its method, the pattern of its path, and its status, all from closed sets', async () => {
    const observed: string[] = [];
    const { app } = await testApi({
      onResponse: ({ method, route, status, tookMs }) =>
        observed.push(`${method} ${route} ${status} ${tookMs}`),
    });
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    await app.request('/schedules/a');
    await app.request('/schedules/a', { method: 'HEAD' });
    await app.request('/schedules/b/runs?limit=5');
    await app.request('/nowhere/a/7');
    await app.request('/');
    await app.request('/schedules/a', { method: 'PURGE' });
    await send(app, 'DELETE', '/schedules/a', '', { 'sec-fetch-site': 'cross-site' });
    assert.deepEqual(observed, [
      'POST /schedules 201 0',
      'GET /schedules/{id} 200 0',
      'HEAD /schedules/{id} 200 0',
      'GET /schedules/{id}/runs 404 0',
      'GET none 404 0',
      'GET / 200 0',
      'OTHER /schedules/{id} 405 0',
      'DELETE /schedules/{id} 403 0',
    ]);
  });
});

describe('a store that does not answer', () => {
  const unavailable = failing(new StoreUnavailable('mongo.internal:27017 timed out'));

  it('is a 503 on reads', async () => {
    const response = await (await testApi(unavailable)).app.request('/schedules');
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal((await problem(response, 503)).detail, 'the store does not answer; try again');
  });

  it('is a 503 on writes, which says that they may have been made', async () => {
    for (
      const [method, path] of [['POST', '/schedules'], ['PUT', '/schedules/a'], ['DELETE', '/schedules/a']]
    ) {
      const init = method === 'DELETE' ? {} : { body: JSON.stringify(HOURLY) };
      const response = await (await testApi(unavailable)).app.request(path ?? '', {
        ...init,
        method: method ?? '',
      });
      assert.equal(response.headers.get('retry-after'), '1');
      assert.equal(
        (await problem(response, 503)).detail,
        'the store did not answer: the change may or may not have been made; check before you repeat it',
      );
    }
  });
});

describe('a store that declines a change', () => {
  it('is a 503 with the store’s reason, and not logged as a failure', async () => {
    const { app, log } = await testApi({
      store: (store) => ({
        ...store,
        schedules: { ...store.schedules, replace: () => Promise.reject(tooManySuperseded('a')) },
      }),
    });
    await send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    for (const path of ['/schedules/a', '/schedules/a/pause']) {
      const response = await send(
        app,
        path.endsWith('a') ? 'PUT' : 'POST',
        path,
        path.endsWith('a') ? HOURLY : '',
      );
      assert.equal(response.headers.get('retry-after'), '1');
      const { detail } = await problem(response, 503);
      assert.match(detail, /^schedule a has been changed 50 times .*; nothing was changed; try again/);
    }
    assert.ok(tooManySuperseded('a') instanceof ChangeDeclined);
    assert.deepEqual(log.filter(({ level }) => level !== 'debug'), []);
  });
});

describe('a store that refuses', () => {
  const refusal = new StoreRefused('MongoDB refused it: no space on mongo.internal', 'OutOfDiskSpace');

  it('is a 503 with the reason and a remedy on reads', async () => {
    const { app, log } = await testApi(failing(refusal));
    const response = await app.request('/schedules');
    assert.equal(response.headers.get('retry-after'), '10');
    assert.equal(
      (await problem(response, 503)).detail,
      'the store refuses reads (OutOfDiskSpace): resolve that in MongoDB, then try again',
    );
    const levels = log.map(({ level }) => level);
    assert.deepEqual(levels.filter((level) => level !== 'debug'), ['warn'], 'it is not an internal error');
  });

  it('is a 503 on writes, which says that they may have been made', async () => {
    const { app } = await testApi(failing(refusal));
    assert.equal(
      (await problem(send(app, 'POST', '/schedules', HOURLY), 503)).detail,
      'the store refuses changes (OutOfDiskSpace): resolve that in MongoDB; then check whether this change was ' +
        'made nevertheless, and repeat it if not',
    );
  });
});

describe('an unexpected exception', () => {
  it('is a 500 without details, and is logged with its stack', async () => {
    const { app, log } = await testApi(failing(new TypeError('x is not a function')));
    const response = await app.request('/schedules');
    const body = await json(response.clone());
    await problem(response, 500);
    assert.deepEqual(body, {
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'internal error; the log of the service has the details',
      instance: '/schedules',
    });
    const [entry] = log.filter(({ level }) => level === 'error');
    assert.equal(entry?.fields['error'], 'x is not a function');
    assert.match(String(entry?.fields['stack']), /app\.test\.ts/);
  });
});

describe('a change by a page of another site', () => {
  const post = async (headers: Record<string, string>) =>
    send((await testApi()).app, 'POST', '/schedules', HOURLY, headers);
  const host = 'scheduler.internal:8080';
  const refused: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example', host },
    { origin: 'null', host },
    { origin: 'https://evil.example', host, 'x-forwarded-host': 'evil.example' },
  ];
  for (const headers of refused) {
    it(`is refused: ${JSON.stringify(headers)}`, async () => {
      assert.equal(
        (await problem(post(headers), 403)).detail,
        'cross-site request refused: only pages of this site may change anything',
      );
    });
  }
  const allowed: Record<string, string>[] = [
    {},
    { 'sec-fetch-site': 'same-origin', origin: `http://${host}`, host: '127.0.0.1:8081' },
    { 'sec-fetch-site': 'none' },
    { origin: `http://${host}`, host },
  ];
  for (const headers of allowed) {
    it(`is accepted, not being one: ${JSON.stringify(headers)}`, async () => {
      assert.equal((await post(headers)).status, 201);
    });
  }

  it('may read', async () => {
    const response = await (await testApi()).app.request('/schedules', {
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    assert.equal(response.status, 200);
  });
});
