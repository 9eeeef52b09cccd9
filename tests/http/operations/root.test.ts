import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { json, testApi } from '../support.ts';

describe('GET /', () => {
  it('lists the endpoints, each of which exists', async () => {
    const { app } = await testApi();
    const about = await json(app.request('/'));
    assert.equal(about.name, 'hascheduler');
    assert.equal(about.version, '0.1.0');
    assert.equal(about.replica, 'replica-1');
    assert.ok(about.endpoints.length >= 12);
    for (const { method, path, summary } of about.endpoints) {
      assert.ok(summary);
      const response = await app.request(path.replace('{id}', 'x'), { method });
      const detail = response.status === 404 ? (await json(response)).detail : '';
      assert.doesNotMatch(detail, /there is no endpoint at/, `${method} ${path}`);
      assert.notEqual(response.status, 405, `${method} ${path}`);
    }
  });

  it('redirects browsers to the inspector', async () => {
    const response = await (await testApi()).app.request('/', {
      headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
    });
    assert.equal(response.status, 302);
    assert.equal(response.headers.get('location'), '/inspector');
    assert.equal(response.headers.get('vary'), 'Accept');
  });

  it('is JSON for a client that accepts anything', async () => {
    const response = await (await testApi()).app.request('/', { headers: { accept: '*/*' } });
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  });
});
