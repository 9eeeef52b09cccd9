import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Hono } from 'hono';
import type { Clock } from '../../../src/actors/shared/environment.ts';
import { serve } from '../../../src/http/server/server.ts';

const host = '127.0.0.1';
/** More than fits into the buffers of a connection. */
const LARGE = 32 * 1024 * 1024;

/** A clock that advances by 5 s with each check, on the test's request. */
function steppedClock() {
  let nowMs = 0;
  let looks: (() => void)[] = [];
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    setTimeout: (fn) => looks.push(fn),
    clearTimeout: () => (looks = []),
  };
  const step = () => {
    nowMs += 5_000;
    for (const look of looks.splice(0)) look();
  };
  return { clock, step, isWatching: () => looks.length > 0 };
}

async function ask(port: number, path: string): Promise<Socket> {
  const socket = connect(port, host);
  socket.pause();
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await once(socket, 'readable');
  return socket;
}

/** An app with a large response, an event stream as large, and a silent one. */
function app(onCancel: () => void = () => {}): Hono {
  const made = new Hono();
  const chunk = new Uint8Array(64 * 1024);
  const stream = (last: () => Promise<void> | void) =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(chunk),
        pull: async (controller) => {
          await last();
          controller.enqueue(chunk);
        },
        cancel: onCancel,
      }),
    );
  made.get('/large', (c) => c.body(new Uint8Array(LARGE)));
  made.get('/stream', () => stream(() => {}));
  made.get('/silent', () => stream(() => new Promise(() => {})));
  return made;
}

describe('a response without progress', () => {
  for (const path of ['/large', '/stream']) {
    it(`is cut off after 30 s: ${path}`, async () => {
      const { clock, step } = steppedClock();
      let cancelled = false;
      const server = await serve(app(() => (cancelled = true)), { host, port: 0, clock });
      const socket = await ask(server.port, path);
      // The first check records the progress until then.
      for (let look = 0; look < 7; look++) {
        step();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const closed = once(socket, 'close');
      socket.resume();
      await closed;
      assert.ok(socket.bytesRead < LARGE);
      assert.equal(cancelled, path === '/stream');
      await server.close();
    });
  }

  it('stays while its client reads it, however slowly', async () => {
    const { clock, step } = steppedClock();
    const server = await serve(app(), { host, port: 0, clock });
    const socket = await ask(server.port, '/stream');
    for (let look = 0; look < 12; look++) {
      step();
      const before = socket.bytesRead;
      while (socket.bytesRead < before + 8 * 1024 * 1024) {
        if (socket.read() === null) await once(socket, 'readable');
      }
    }
    assert.equal(socket.destroyed, false);
    socket.destroy();
    await server.close();
  });

  it('stays for ever when there is nothing to send', async () => {
    const { clock, step, isWatching } = steppedClock();
    const server = await serve(app(), { host, port: 0, clock });
    const socket = await ask(server.port, '/silent');
    for (let look = 0; look < 20; look++) step();
    assert.equal(socket.destroyed, false);
    assert.equal(isWatching(), true);
    const closed = once(socket, 'close');
    socket.end();
    socket.resume();
    await closed;
    await server.close();
  });
});
