import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HostNames } from '../../../src/domain/membership/hostNames.ts';
import { DOOR_HEADER } from '../../../src/http/server/hosts.ts';
import { serve } from '../../../src/http/server/server.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { anyHost, HOURLY, problem, send, testApi } from '../support.ts';

/** The hosts of a replica that listens on 127.0.0.1 behind a front door. */
const onLoopback = () => ({ names: new HostNames({ names: [], own: [] }), doorSecret: 'of the door' });

const PATHS = [
  '/',
  '/schedules',
  '/events',
  '/inspect',
  '/liveness',
  '/metrics',
  '/livez',
  '/inspector',
  '/nowhere',
];

describe('a request for another host', () => {
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PURGE']) {
    it(`is refused on every path: ${method}`, async () => {
      const { app } = await testApi({ hosts: onLoopback() });
      for (const path of PATHS) {
        const response = await app.request(path, { method, headers: { host: 'evil.example:8080' } });
        assert.equal(response.status, 421, path);
        assert.equal(response.headers.get('content-type'), 'application/problem+json');
      }
    });
  }

  it('is refused also with a matching origin, and changes nothing', async () => {
    const { app, store } = await testApi({ hosts: onLoopback() });
    const headers = { host: 'evil.example:8080', origin: 'http://evil.example:8080' };
    const { detail } = await problem(send(app, 'POST', '/schedules', { ...HOURLY, id: 'a' }, headers), 421);
    assert.match(detail, /"evil.example:8080" is not an accepted host name.* HOST_NAMES/);
    assert.equal(await store.schedules.get('a'), null);
  });

  it('is not accepted because of forwarding headers', async () => {
    const { app } = await testApi({ hosts: onLoopback() });
    for (const secret of [undefined, '', 'guessed']) {
      const headers = new Headers({ host: 'evil.example', 'x-forwarded-host': 'localhost' });
      if (secret !== undefined) headers.set(DOOR_HEADER, secret);
      assert.equal((await app.request('/schedules', { headers })).status, 421);
    }
  });

  it('is refused in the request line, too', async () => {
    const { app } = await testApi({ hosts: onLoopback() });
    const response = await app.request('http://evil.example/schedules', { headers: { host: 'localhost' } });
    assert.equal(response.status, 421);
  });
});

describe('a request through the front door', () => {
  const door = { [DOOR_HEADER]: 'of the door', 'x-forwarded-host': 'jobs.example' };

  it('had its host checked there', async () => {
    const { app } = await testApi({ hosts: onLoopback() });
    assert.equal(
      (await app.request('/schedules', { headers: { ...door, host: 'jobs.example' } })).status,
      200,
    );
  });

  it('counts as same-site by the host that the door was requested with', async () => {
    const { app } = await testApi({ hosts: anyHost('of the door') });
    const post = (origin: string) =>
      send(app, 'POST', '/schedules', HOURLY, { ...door, origin, host: '127.0.0.1' });
    assert.equal((await post('http://jobs.example')).status, 201);
    await problem(post('http://127.0.0.1'), 403);
  });
});

describe('a request without a host', () => {
  for (const headers of [{}, { host: '' }]) {
    it(`is served by the probes alone: ${JSON.stringify(headers)}`, async () => {
      const { app } = await testApi({ hosts: onLoopback() });
      for (const path of ['/livez', '/readyz', '/health']) {
        assert.equal((await app.request(path, { headers })).status, 200, path);
      }
      for (const path of ['/', '/schedules', '/cluster', '/livez/x']) {
        assert.equal((await app.request(path, { headers })).status, 421, path);
      }
    });
  }
});

describe('a server', () => {
  it('returns the address that it listens at, which decides on hosts', async () => {
    const clock = systemClock();
    for (
      const [host, address, status] of [['localhost', /^(127\.0\.0\.1|::1)$/, 421], [
        '0.0.0.0',
        /^0\.0\.0\.0$/,
        200,
      ]] as const
    ) {
      const hosts = onLoopback();
      const { app } = await testApi({ hosts });
      const server = await serve(app, { host, port: 0, clock });
      hosts.names.listensAt(server.address);
      const response = await app.request('/schedules', { headers: { host: 'hascheduler' } });
      await server.close();
      assert.match(server.address, address);
      assert.equal(response.status, status);
    }
  });
});
