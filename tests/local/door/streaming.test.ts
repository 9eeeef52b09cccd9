import { afterEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { closeAll, problemOf, startBackend, startDoor, textOf } from './backend.ts';

afterEach(closeAll);

describe('streams through the front door', () => {
  it('forwards an event stream without delay, and closes it at the replica when the client disconnects', async () => {
    let stream: ServerResponse | undefined;
    let gone: Promise<unknown> | undefined;
    const { port } = await startDoor([
      await startBackend('a', (_req, res) => {
        stream = res.writeHead(200, { 'content-type': 'text/event-stream' });
        gone = once(res, 'close');
        res.flushHeaders();
      }),
    ]);
    const client = request({ port, host: '127.0.0.1', path: '/events' }).end();
    client.on('error', () => {});
    // The headers, and then each event, arrive while the answer is still open.
    const [response] = await once(client, 'response') as [IncomingMessage];
    response.on('error', () => {});
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      stream!.write(event);
      assert.equal(String((await once(response, 'data'))[0]), event);
    }
    client.destroy();
    await gone;
  });

  it('closes the request at the replica when the client disconnects before the answer', async () => {
    let arrived = (_gone: Promise<unknown>) => {};
    // In an object: a promise that resolves with a promise would wait for it.
    const waiting = new Promise<{ gone: Promise<unknown> }>((resolve) =>
      arrived = (gone) => resolve({ gone })
    );
    const { port } = await startDoor([await startBackend('a', (_req, res) => arrived(once(res, 'close')))]);
    const client = request({ port, host: '127.0.0.1', path: '/slow' }).end();
    client.on('error', () => {});
    const { gone } = await waiting;
    client.destroy();
    await gone;
  });

  it('breaks the client’s connection when the replica’s answer breaks', async () => {
    const { url } = await startDoor([
      await startBackend('a', (_req, res) => {
        res.write('half an ans');
        setImmediate(() => res.destroy());
      }),
    ]);
    await assert.rejects(textOf(url));
  });

  it('answers 504 to a request without progress', async () => {
    const { url } = await startDoor([await startBackend('a', () => {})], { idleLimitMs: 50 });
    const response = await fetch(url);
    assert.equal(response.status, 504);
    assert.match((await problemOf(response)).detail, /a has not answered within 0\.05 s/);
  });

  it('forwards the message without hop-by-hop headers', async () => {
    const { port } = await startDoor([
      await startBackend('a', async (req, res) => {
        res.writeHead(201, {
          'x-kept': 'yes',
          'x-hop': 'no',
          connection: 'x-hop',
          'set-cookie': ['a=1', 'b=2'],
        });
        res.end(JSON.stringify({ headers: req.headers, body: await text(req) }));
      }),
    ]);
    const client = request({
      ...{ port, host: '127.0.0.1', method: 'DELETE', path: '/x?y=1' },
      headers: {
        host: 'jobs.example',
        'x-hop': '1',
        connection: 'x-hop',
        'x-forwarded-for': '10.0.0.9',
        'transfer-encoding': 'chunked',
      },
    });
    client.write('in ');
    client.end('parts');
    const [response] = await once(client, 'response') as [IncomingMessage];
    assert.equal(response.statusCode, 201);
    assert.equal(response.headers['x-kept'], 'yes');
    assert.equal(response.headers['x-hop'], undefined);
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2']);
    const { headers, body } = JSON.parse(await text(response));
    assert.equal(body, 'in parts');
    assert.equal(headers['x-hop'], undefined);
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['x-forwarded-host'], 'jobs.example');
    assert.equal(headers.host, 'jobs.example');
  });
});
