import { afterEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { closeAll, problemOf, startBackend, startDoor, textOf } from './backend.ts';

afterEach(closeAll);

describe('the front door', () => {
  it('spreads requests evenly over the replicas', async () => {
    const { url } = await startDoor([
      await startBackend('a'),
      await startBackend('b'),
      await startBackend('c'),
    ]);
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push(await textOf(`${url}/x`));
    assert.deepEqual(answers.toSorted(), ['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('sends no requests to a replica that is not ready, and some again once it is', async () => {
    const [a, b] = [await startBackend('a'), await startBackend('b')];
    const { url, becomes } = await startDoor([a, b]);
    b.ready = false;
    await becomes(['a']);
    for (let i = 0; i < 4; i++) assert.equal(await textOf(url), 'a');
    b.ready = true;
    await becomes(['a', 'b']);
    assert.deepEqual([await textOf(url), await textOf(url)].toSorted(), ['a', 'b']);
  });

  it('sends no requests to a replica that accepts connections but does not answer, like a frozen one', async () => {
    const [a, b] = [await startBackend('a'), await startBackend('b')];
    const { url, becomes } = await startDoor([a, b], { probeTimeoutMs: 300 });
    b.frozen = true;
    await becomes(['a']);
    for (let i = 0; i < 4; i++) assert.equal(await textOf(url), 'a');
  });

  it('sends a request whose connection was refused to the next replica, complete and once', async () => {
    const echo: RequestListener = (req, res) => void req.pipe(res);
    const [a, b] = [await startBackend('a', echo), await startBackend('b', echo)];
    // No further probe: the door still considers the closed replica ready.
    const { url } = await startDoor([a, b], { probeEveryMs: 60_000 });
    await a.close();
    for (let i = 0; i < 3; i++) {
      assert.equal(await textOf(`${url}/p${i}`, { method: 'POST', body: `body ${i}` }), `body ${i}`);
    }
    assert.deepEqual(b.received, ['POST /p0', 'POST /p1', 'POST /p2']);
  });

  it('answers 503 with Retry-After while no replica is ready', async () => {
    const a = await startBackend('a');
    a.ready = false;
    const { url } = await startDoor([a], { ready: 0 });
    const response = await fetch(url);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.equal((await problemOf(response)).status, 503);
  });

  it('answers 502 and does not resend when a replica may have acted on the request', async () => {
    const breaks: RequestListener = (req) => void req.once('data', () => req.socket.destroy());
    const [a, b] = [await startBackend('a', breaks), await startBackend('b', breaks)];
    const { url } = await startDoor([a, b]);
    const response = await fetch(url, { method: 'POST', body: 'x' });
    assert.equal(response.status, 502);
    assert.match((await problemOf(response)).detail, /broke the connection before it answered/);
    assert.equal(a.received.length + b.received.length, 1);
  });
});

describe('the host names of the front door', () => {
  const ask = async (port: number, headers: Record<string, string>, path = '/x') => {
    const client = request({ port, host: '127.0.0.1', path, headers });
    client.end();
    const [response] = await once(client, 'response') as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  };

  it('answers 421 to a request for another host', async () => {
    const a = await startBackend('a');
    const { port } = await startDoor([a]);
    const { status, body } = await ask(port, { host: 'evil.example', 'x-forwarded-host': 'localhost' });
    assert.equal(status, 421);
    assert.match(JSON.parse(body).detail, /"evil.example" is not an accepted host name/);
    assert.deepEqual(a.received, []);
  });

  it('forwards a request for a loopback name', async () => {
    const { port } = await startDoor([await startBackend('a')]);
    assert.equal((await ask(port, { host: `localhost:${port}` })).status, 200);
  });

  it('drops a client’s own values of the headers that it sets', async () => {
    const { port } = await startDoor([
      await startBackend('a', (req, res) => void res.end(JSON.stringify(req.headers))),
    ]);
    const claims = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '1',
      forwarded: 'host=evil.example',
      'x-hascheduler-door': 'guessed',
    };
    const headers = JSON.parse((await ask(port, { host: 'jobs.example', ...claims })).body);
    assert.equal(headers['x-forwarded-host'], 'jobs.example');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.equal(headers['x-forwarded-port'], undefined);
    assert.equal(headers.forwarded, undefined);
    assert.equal(headers['x-hascheduler-door'], 'of this door');
  });
});
