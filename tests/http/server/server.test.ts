import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { Hono } from 'hono';
import { serve } from '../../../src/http/server/server.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { problem, testApi } from '../support.ts';

const clock = systemClock();
const host = '127.0.0.1';

function signal() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => resolve = settle);
  return { promise, resolve };
}

/** An app whose only response waits for the test. */
function slowApp() {
  const started = signal();
  const finish = signal();
  const app = new Hono();
  app.get('/', async (c) => {
    started.resolve();
    await finish.promise;
    return c.text('done');
  });
  return { app, started: started.promise, finish: finish.resolve };
}

/** A connection that has sent the text and received the response up to the given end. */
async function open(port: number, text: string, answer: string) {
  const socket = connect(port, host);
  let received = '';
  socket.on('data', (bytes) => received += bytes);
  await once(socket, 'connect');
  if (text) await new Promise((resolve) => socket.write(text, resolve));
  while (!received.endsWith(answer)) await once(socket, 'data');
  // Connections are accepted in order: after the response on a later one, the server has accepted this one.
  await (await fetch(`http://${host}:${port}/health`)).text();
  return { socket, received: () => received };
}

describe('serve', () => {
  it('listens on the port that it returns', async () => {
    const server = await serve((await testApi()).app, { host, port: 0, clock });
    const response = await fetch(`http://${host}:${server.port}/health`);
    assert.equal(await response.text(), 'OK');
    await server.close();
  });

  it('names the port that is taken', async () => {
    const server = await serve((await testApi()).app, { host, port: 0, clock });
    await assert.rejects(serve((await testApi()).app, { host, port: server.port, clock }), {
      message:
        `cannot listen on ${host}:${server.port}: another program uses that port; stop it, or choose another PORT`,
    });
    await server.close();
  });

  for (const chunked of [false, true]) {
    it(`lets a client whose ${chunked ? 'chunked ' : ''}body is too large read the response`, async () => {
      const server = await serve((await testApi()).app, { host, port: 0, clock });
      const bytes = new Uint8Array(2 * 1024 * 1024).fill(0x20);
      const body = chunked ? ReadableStream.from([bytes]) : bytes;
      const init = { method: 'POST', body, duplex: 'half' } as unknown as RequestInit;
      const response = await fetch(`http://${host}:${server.port}/schedules`, init);
      await problem(response, 413);
      await server.close();
    });
  }
});

/** Less than the time for which `close` waits for open requests. */
const AT_ONCE = { timeout: 3_000 };

describe('close', () => {
  it('refuses new connections at once and lets a running request finish', AT_ONCE, async () => {
    const { app, started, finish } = slowApp();
    const server = await serve(app, { host, port: 0, clock });
    const url = `http://${host}:${server.port}/`;
    const answer = fetch(url);
    await started;
    const closed = server.close();
    await assert.rejects(fetch(url));
    finish();
    assert.equal(await (await answer).text(), 'done');
    await closed;
  });

  const requests: [string, string, string][] = [
    ['never sent anything', '', ''],
    ['has had its answer', 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n', 'OK'],
    ['has sent half a request', 'GET /health HTTP/1.1\r\nHo', ''],
  ];
  for (const [what, request, answer] of requests) {
    it(`does not wait for a connection that ${what}`, AT_ONCE, async () => {
      const server = await serve((await testApi()).app, { host, port: 0, clock });
      const { socket, received } = await open(server.port, request, answer);
      const ended = once(socket, 'close');
      await server.close();
      await ended;
      assert.ok(received().endsWith(answer));
    });
  }

  it('closes a keep-alive connection after its last response', AT_ONCE, async () => {
    const { app, started, finish } = slowApp();
    const server = await serve(app, { host, port: 0, clock });
    const { socket, received } = await open(server.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '');
    await started;
    const ended = once(socket, 'close');
    const closed = server.close();
    finish();
    await Promise.all([closed, ended]);
    assert.ok(received().endsWith('done'));
  });

  it('cuts off requests that take too long', async () => {
    const { app, started } = slowApp();
    const timers: (() => void)[] = [];
    const server = await serve(app, {
      host,
      port: 0,
      clock: { ...clock, setTimeout: (fn) => timers.push(fn), clearTimeout: () => {} },
    });
    const answer = fetch(`http://${host}:${server.port}/`);
    answer.catch(() => {});
    await started;
    const closed = server.close();
    timers.forEach((fn) => fn());
    await closed;
    await assert.rejects(answer);
  });

  it('leaves no timer behind, which would keep the process alive', async () => {
    const timers = new Set<unknown>();
    const server = await serve((await testApi()).app, {
      host,
      port: 0,
      clock: {
        ...clock,
        setTimeout: (fn) => (timers.add(fn), fn),
        clearTimeout: (handle) => void timers.delete(handle),
      },
    });
    await server.close();
    assert.equal(timers.size, 0);
  });

  it('may be called twice', async () => {
    const server = await serve((await testApi()).app, { host, port: 0, clock });
    await Promise.all([server.close(), server.close()]);
  });
});
