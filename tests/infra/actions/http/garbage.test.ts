/** Whatever a receiver sends before it closes the connection, a request ends: with a response or a sentence. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { RequestFailure } from '../../../../src/infra/actions/http/failure.ts';
import type { HttpMethod } from '../../../../src/domain/actions/httpAction.ts';
import { get, LIMITS, Opened, unaborted } from './support.ts';

const opened = new Opened();
afterEach(() => opened.end());

const PIECES = [
  ...[
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.0 200 OK\r\n',
    'HTTP/1.1 103 Early\r\n\r\n',
    'HTTP/1.1 100 \r\n\r\n',
    'HTTP/1.1 ',
  ],
  ...[
    'HTTP/1.1 204 No\r\n',
    'HTTP/1.1 304 Not\r\n',
    'HTTP/1.1 101 S\r\n',
    'HTTP/1.1 999 ?\r\n',
    'HTTP/2 200\r\n',
  ],
  ...['content-length: 5\r\n', 'content-length: -1\r\n', 'Content-Length: 99999999999999999999\r\n'],
  ...[
    'transfer-encoding: chunked\r\n',
    'transfer-encoding: gzip\r\n',
    'connection: close\r\n',
    'connection: upgrade\r\n',
  ],
  ...[
    'keep-alive: timeout=9\r\n',
    'upgrade: h2c\r\n',
    'content-type: text/plain\r\n',
    'retry-after: \xff\r\n',
    ' folded\r\n',
  ],
  ...[
    '\r\n',
    '\n',
    '\0',
    'hello',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    'ffffffffffffffffff\r\n',
    '5;x="y"\r\n',
    'x'.repeat(20_000),
  ],
];

describe('a receiver that sends garbage', () => {
  it('gets a request to an end, and that is a response or a failure with a sentence', async () => {
    let garbage = '';
    let cut = 0;
    const { url } = await opened.raw((socket) => {
      socket.write(garbage.slice(0, cut), 'latin1');
      setImmediate(() => socket.end(garbage.slice(cut), 'latin1'));
    });
    const sender = opened.sender();
    const method = fc.constantFrom<HttpMethod>('GET', 'HEAD', 'POST');
    const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(method, fc.boolean(), pieces, fc.nat(), async (method, isHttp, pieces, at) => {
        garbage = (isHttp ? PIECES[0]! : '') + pieces.join('');
        cut = at % (garbage.length + 1);
        const result = await sender.send(get(url, { method }), LIMITS, unaborted()).catch((error: unknown) =>
          error
        );
        if (result instanceof RequestFailure) {
          assert.match(result.message, /^127\.0\.0\.1:\d+ .*\.$/);
          assert.match(result.kind, /^(protocol|closed)$/);
          assert.doesNotMatch(result.message, /UND_ERR|HPE_|undefined/);
        } else {
          const { status, bodyText } = result as { status: number; bodyText: string };
          assert.ok(status >= 200 && status <= 999 && bodyText.length <= 4096);
        }
      }),
      { numRuns: 300 },
    );
  });
});
