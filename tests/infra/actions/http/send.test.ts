import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { HttpMethod } from '../../../../src/domain/actions/httpAction.ts';
import { failure, get, LIMITS, Opened, unaborted } from './support.ts';

const opened = new Opened();
afterEach(() => opened.end());

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('a request', () => {
  it('has its method, path, headers and bytes', async () => {
    const seen: { line: string; headers: IncomingHttpHeaders; body: Buffer }[] = [];
    const { url, port } = await opened.http(async (request, response) => {
      seen.push({
        line: `${request.method} ${request.url}`,
        headers: request.headers,
        body: await bodyOf(request),
      });
      response.end();
    });
    const body = new Uint8Array([0, 255, 128, 10, 13]);
    const headers = { 'Content-Type': 'application/octet-stream', 'x-empty': '', 'x-latin': 'ä' };
    const sender = opened.sender();
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as HttpMethod[]) {
      await sender.send({ method, url: `${url}a%20b/ä?q=1&r=%2F#part`, headers, body }, LIMITS, unaborted());
      const { line, headers: sent, body: received } = seen.at(-1)!;
      assert.equal(line, `${method} /a%20b/%C3%A4?q=1&r=%2F`);
      assert.deepEqual(new Uint8Array(received), body);
      assert.equal(sent.host, `127.0.0.1:${port}`);
      assert.equal(sent['content-length'], '5');
      assert.equal(sent['content-type'], 'application/octet-stream');
      assert.equal(sent['accept-encoding'], 'identity');
      assert.equal(sent['x-empty'], '');
      assert.equal(sent['x-latin'], 'ä');
    }
  });

  it('may have no body', async () => {
    const lengths: (string | undefined)[] = [];
    const { url } = await opened.http((request, response) => {
      lengths.push(request.headers['content-length']);
      response.end();
    });
    const sender = opened.sender();
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'POST'] as HttpMethod[]) {
      assert.equal((await sender.send(get(url, { method }), LIMITS, unaborted())).status, 200);
    }
    assert.deepEqual(lengths, [undefined, undefined, undefined, undefined, '0']);
  });

  it('uses a connection again', async () => {
    const { url, connections } = await opened.http((_, response) => response.end('ok'));
    const sender = opened.sender();
    for (let i = 0; i < 5; i++) await sender.send(get(url), LIMITS, unaborted());
    assert.equal(connections(), 1);
  });

  it('has a connection for itself', async () => {
    const waiting: (() => void)[] = [];
    const { url, connections } = await opened.http((_, response) => {
      waiting.push(() => response.end());
      if (waiting.length === 3) { for (const answer of waiting) answer(); }
    });
    const sender = opened.sender();
    const responses = [1, 2, 3].map(() => sender.send(get(url), LIMITS, unaborted()));
    assert.deepEqual((await Promise.all(responses)).map(({ status }) => status), [200, 200, 200]);
    assert.equal(connections(), 3);
  });

  it('is sent on a new connection when the receiver has closed the idle one', async () => {
    const closed: Promise<unknown>[] = [];
    const { url, connections } = await opened.http((request, response) => {
      const { socket } = request;
      closed.push(new Promise((resolve) => socket.once('close', resolve)));
      response.on('finish', () => socket.end());
      response.end('ok');
    });
    const sender = opened.sender();
    for (let i = 1; i <= 3; i++) {
      assert.equal((await sender.send(get(url), LIMITS, unaborted())).bodyText, 'ok');
      await closed.at(-1);
      assert.equal(connections(), i);
    }
  });

  it('is not sent twice, whatever its method, when a kept-alive connection is reset', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'POST'] as HttpMethod[]) {
      let requests = 0;
      const { url, connections } = await opened.http((request, response) => {
        if (++requests === 1) response.end();
        else request.socket.resetAndDestroy();
      });
      const sender = opened.sender();
      await sender.send(get(url, { method }), LIMITS, unaborted());
      await assert.rejects(
        sender.send(get(url, { method }), LIMITS, unaborted()),
        failure('closed', /^127\.0\.0\.1:\d+ (reset|closed) the connection before its answer was there\.$/),
      );
      // A request that is sent again would come before this one.
      await assert.rejects(sender.send(get(url), LIMITS, unaborted()), failure('closed', /the connection/));
      assert.equal(requests, 3, method);
      assert.ok(connections() >= 2);
    }
  });
});

describe('a response', () => {
  it('has any status, and the headers that matter', async () => {
    const headers = {
      'content-type': 'text/plain',
      'retry-after': '120',
      location: '/elsewhere',
      'set-cookie': ['a=1', 'b=2'],
      'x-other': 'not kept',
    };
    const { url } = await opened.http((request, response) =>
      response.writeHead(Number(request.url?.slice(1)), headers).end('body')
    );
    const sender = opened.sender();
    for (const status of [200, 201, 202, 299, 301, 400, 404, 410, 429, 500, 503, 599]) {
      const response = await sender.send(get(`${url}${status}`), LIMITS, unaborted());
      const { durationMs, ...rest } = response;
      assert.deepEqual(rest, {
        status,
        headers: { 'content-type': 'text/plain', location: '/elsewhere', 'retry-after': '120' },
        bodyText: 'body',
        truncated: false,
      });
      assert.ok(Number.isInteger(durationMs) && durationMs >= 0);
    }
  });

  it('may have no body', async () => {
    const { url } = await opened.http((request, response) => {
      if (request.url === '/204') response.writeHead(204).end();
      else if (request.url === '/304') response.writeHead(304, { 'content-length': '10' }).end();
      else response.writeHead(200, { 'content-length': '10' }).end('0123456789');
    });
    const sender = opened.sender();
    for (
      const [method, path, status] of [['GET', '204', 204], ['GET', '304', 304], ['HEAD', '', 200]] as const
    ) {
      const { durationMs: _, ...rest } = await sender.send(
        get(`${url}${path}`, { method }),
        LIMITS,
        unaborted(),
      );
      assert.deepEqual(rest, { status, headers: {}, bodyText: '', truncated: false });
    }
  });

  it('may end with its connection', async () => {
    const { url } = await opened.raw((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nto the end'));
    const { bodyText } = await opened.sender().send(get(url), LIMITS, unaborted());
    assert.equal(bodyText, 'to the end');
  });

  it('may have 1xx before it, which are ignored', async () => {
    const { url } = await opened.raw((socket) =>
      socket.write(
        'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\nretry-after: 9\r\n\r\n' +
          'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok',
      )
    );
    const { status, headers, bodyText } = await opened.sender().send(get(url), LIMITS, unaborted());
    assert.deepEqual([status, headers, bodyText], [200, {}, 'ok']);
  });

  it('is not decompressed', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const { url } = await opened.http((_, response) =>
      response.setHeader('content-encoding', 'gzip').end(bomb)
    );
    const { bodyText, truncated } = await opened.sender().send(get(url), LIMITS, unaborted());
    assert.equal(bodyText.charCodeAt(0), 0x1f);
    assert.equal(truncated, true);
  });
});

describe('the kept text of a body', () => {
  async function kept(parts: (string | Uint8Array)[], keptBytes: number) {
    const { url } = await opened.http(async (_, response) => {
      for (const part of parts) {
        if (!response.write(part)) await once(response, 'drain');
      }
      response.end();
    });
    const { bodyText, truncated } = await opened.sender().send(
      get(url),
      { ...LIMITS, keptBytes },
      unaborted(),
    );
    return { bodyText, truncated };
  }

  it('is its beginning', async () => {
    assert.deepEqual(await kept(['abc', 'def'], 10), { bodyText: 'abcdef', truncated: false });
    assert.deepEqual(await kept(['abc', 'def'], 6), { bodyText: 'abcdef', truncated: false });
    assert.deepEqual(await kept(['abc', 'def'], 5), { bodyText: 'abcde', truncated: true });
    assert.deepEqual(await kept(['abc', 'def'], 0), { bodyText: '', truncated: true });
  });

  it('ends with a whole character', async () => {
    for (
      const [keptBytes, bodyText] of [[5, 'a€'], [4, 'a€'], [3, 'a'], [2, 'a'], [1, 'a'], [7, 'a€'], [
        8,
        'a€😀',
      ]] as const
    ) {
      assert.deepEqual(await kept(['a€😀z'], keptBytes), { bodyText, truncated: true });
    }
  });

  it('has U+FFFD for bytes that are no UTF-8, also at its very end', async () => {
    assert.deepEqual(await kept([new Uint8Array([0x61, 0xff, 0x62, 0xe2, 0x82])], 10), {
      bodyText: 'a\ufffdb\ufffd',
      truncated: false,
    });
  });
});

describe('a long body', () => {
  /** Writes for ever, and counts what the network took. */
  async function endless() {
    let closed: (value: unknown) => void;
    const close = new Promise((resolve) => closed = resolve);
    const receiver = await opened.raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n');
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = () => {
        while (!socket.destroyed && socket.write(chunk));
      };
      socket.on('drain', more);
      socket.on('close', () => closed(null));
      more();
    });
    return { ...receiver, close };
  }

  it('is read up to the limit; then the connection is closed, and the response counts', async () => {
    const { url, close } = await endless();
    const { status, bodyText, truncated } = await opened.sender().send(get(url), LIMITS, unaborted());
    assert.deepEqual([status, bodyText, truncated], [200, 'x'.repeat(4096), true]);
    await close;
  });

  it('is whole when it is as long as the limit', async () => {
    const { url, connections } = await opened.http((_, response) => response.end('x'.repeat(1000)));
    const sender = opened.sender();
    for (
      const [readBytes, truncated, connection] of [
        ...[[1000, false, 1], [1000, false, 1], [999, true, 1], [1000, false, 2]],
      ] as const
    ) {
      const response = await sender.send(get(url), { ...LIMITS, readBytes }, unaborted());
      assert.deepEqual([response.bodyText.length, response.truncated], [1000, truncated]);
      assert.equal(connections(), connection);
    }
  });
});
