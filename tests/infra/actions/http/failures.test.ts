/** Receivers that do not keep to HTTP, and connections that fail. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import type { RequestFailure } from '../../../../src/infra/actions/http/failure.ts';
import { failure, get, LIMITS, Opened, unaborted } from './support.ts';

const opened = new Opened();
afterEach(() => opened.end());

const answer = (text: string) => (socket: Socket) => void socket.write(text, 'latin1');
const answerAndClose = (text: string) => (socket: Socket) => void socket.end(text, 'latin1');
const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

const BAD: [
  what: string,
  answer: (socket: Socket) => void,
  kind: RequestFailure['kind'],
  sentence: string,
][] = [
  [
    'no HTTP',
    answer('SSH-2.0-OpenSSH_9.6\r\n'),
    'protocol',
    'RECEIVER sent what is not HTTP/1.1: Expected HTTP/, RTSP/ or ICE/.',
  ],
  [
    'an invalid status',
    answer('HTTP/1.1 2x0 OK\r\n\r\n'),
    'protocol',
    'RECEIVER sent what is not HTTP/1.1: Invalid status code.',
  ],
  [
    'an invalid header',
    answer(`${OK}a b: c\r\n\r\n`),
    'protocol',
    'RECEIVER sent what is not HTTP/1.1: Invalid header token.',
  ],
  [
    'two lengths',
    answer(`${OK}content-length: 2\r\ncontent-length: 3\r\n\r\nabc`),
    'protocol',
    'RECEIVER sent what is not HTTP/1.1.',
  ],
  [
    'a length and chunks',
    answer(`${OK}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`),
    'protocol',
    'RECEIVER sent what is not HTTP/1.1.',
  ],
  [
    'an invalid chunk',
    answer(`${CHUNKED}zz\r\nab\r\n0\r\n\r\n`),
    'protocol',
    'RECEIVER answered 200, but sent what is not HTTP/1.1: Invalid character in chunk size.',
  ],
  [
    'headers without end',
    answer(`${OK}x: ${'y'.repeat(20_000)}`),
    'protocol',
    'RECEIVER sent more header fields than fit into 16 KiB.',
  ],
  [
    'too many headers',
    answer(OK + 'some-name: some-value\r\n'.repeat(1_000)),
    'protocol',
    'RECEIVER sent more header fields than fit into 16 KiB.',
  ],
  [
    'trailers without end',
    answer(`${CHUNKED}0\r\n` + 'some-name: some-value\r\n'.repeat(1_000)),
    'protocol',
    'RECEIVER answered 200, but sent more header fields than fit into 16 KiB.',
  ],
  [
    'a 100 that nothing asked for',
    answer(`HTTP/1.1 100 Continue\r\n\r\n${OK}content-length: 0\r\n\r\n`),
    'protocol',
    'RECEIVER sent 100 (Continue), for which the request did not ask.',
  ],
  [
    'a 101 that nothing asked for',
    answer('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n'),
    'protocol',
    'RECEIVER sent 101 (Switching Protocols), for which the request did not ask.',
  ],
  [
    'a 101 that names no protocol',
    answer('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    'protocol',
    'RECEIVER sent what is not HTTP/1.1.',
  ],
  [
    'less than its length, and the end',
    answerAndClose(`${OK}content-length: 10\r\nconnection: close\r\n\r\nabc`),
    'protocol',
    'RECEIVER answered 200, but sent a body that is not as long as its content-length says.',
  ],
  [
    'less than its length, and the end, on a kept-alive connection',
    answerAndClose(`${OK}content-length: 10\r\n\r\nabc`),
    'closed',
    'RECEIVER answered 200, but closed the connection in the middle of the body.',
  ],
  [
    'half of the chunks, and the end',
    answerAndClose(`${CHUNKED}5\r\nabc`),
    'closed',
    'RECEIVER answered 200, but closed the connection in the middle of the body.',
  ],
  [
    'a chunk, and the end, with connection: close',
    answerAndClose(`${OK}connection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n`),
    'closed',
    'RECEIVER answered 200, but closed the connection in the middle of the body.',
  ],
  [
    'nothing, and the end',
    answerAndClose(''),
    'closed',
    'RECEIVER closed the connection before its answer was there.',
  ],
  [
    'half of the headers, and the end',
    answerAndClose(`${OK}content-le`),
    'closed',
    'RECEIVER closed the connection before its answer was there.',
  ],
  [
    'a 1xx, and the end',
    answerAndClose('HTTP/1.1 103 Early Hints\r\n\r\n'),
    'closed',
    'RECEIVER closed the connection before its answer was there.',
  ],
];

describe('a receiver that answers with', () => {
  for (const [what, answer, kind, sentence] of BAD) {
    it(what, async () => {
      let requests = 0;
      const { url, port } = await opened.raw((socket) => {
        requests++;
        answer(socket);
      });
      await assert.rejects(
        opened.sender().send(get(url), LIMITS, unaborted()),
        failure(kind, sentence.replace('RECEIVER', `127.0.0.1:${port}`)),
      );
      assert.equal(requests, 1);
    });
  }

  it('a reset', async () => {
    for (const text of ['', `${OK}content-length: 10\r\n\r\nabc`]) {
      const { url } = await opened.raw((socket) => socket.write(text, () => socket.resetAndDestroy()));
      await assert.rejects(
        opened.sender().send(get(url), LIMITS, unaborted()),
        failure(
          'closed',
          /^127\.0\.0\.1:\d+ (answered 200, but )?(reset|closed) the connection (before|in the mid)/,
        ),
      );
    }
  });

  it('more than its length: the rest is no response to the next request', async () => {
    const { url, connections } = await opened.raw((socket) =>
      socket.write(`${OK}content-length: 2\r\n\r\nok${OK}content-length: 4\r\n\r\nevil`)
    );
    const sender = opened.sender();
    for (let i = 0; i < 3; i++) {
      assert.equal((await sender.send(get(url), LIMITS, unaborted())).bodyText, 'ok');
    }
    assert.equal(connections(), 3);
  });
});

describe('a receiver that is not there', () => {
  it('refuses the connection', async () => {
    const { url, port } = await opened.raw(() => {});
    await opened.end();
    await assert.rejects(
      opened.sender().send(get(url), LIMITS, unaborted()),
      failure('connect', `127.0.0.1:${port} refuses connections: no process listens there.`),
    );
  });

  it('has a name that is unknown', async () => {
    await assert.rejects(
      opened.sender().send(get('http://no-such-name.invalid/'), LIMITS, unaborted()),
      failure(
        'name',
        /^The name no-such-name\.invalid (is unknown: its look-up gives no address|can't be looked up)/,
      ),
    );
  });

  it('is left for an address of its name where one is', async () => {
    const { port } = await opened.http((_, response) => response.end('reached'));
    const sender = opened.sender({ resolve: async () => ['::1', '127.0.0.1'] });
    const response = await sender.send(get(`http://jobs.example:${port}/`), LIMITS, unaborted());
    assert.equal(response.bodyText, 'reached');
  });
});
