import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { failure, get, LIMITS, Opened, unaborted } from './support.ts';

const opened = new Opened();
afterEach(() => opened.end());

/** A receiver that answers with that text, and no more. `closed` resolves with the connection. */
async function receiver(text: string) {
  let asked: (socket: Socket) => void;
  const request = new Promise<Socket>((resolve) => asked = resolve);
  const { url, port, connections } = await opened.raw((socket) => {
    if (text !== '') socket.write(text);
    asked(socket);
  });
  return {
    url,
    where: `127.0.0.1:${port}`,
    connections,
    request,
    closed: request.then((socket) => new Promise((resolve) => socket.once('close', resolve))),
  };
}

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n';

describe('a receiver that takes too long', () => {
  for (
    const [what, text] of Object.entries({
      'for its headers': '',
      'for the rest of its headers': 'HTTP/1.1 200 OK\r\ncontent',
      'after a 1xx': 'HTTP/1.1 103 Early Hints\r\n\r\n',
    })
  ) {
    it(`${what} is left`, async () => {
      const { url, where, closed, connections } = await receiver(text);
      await assert.rejects(
        opened.sender().send(get(url), { ...LIMITS, headersMs: 30 }, unaborted()),
        failure('timeout', `${where} did not answer within 30 ms.`),
      );
      await closed;
      assert.equal(connections(), 1);
    });
  }

  it('with 1xx again and again is left', async () => {
    const { url, where, request, closed } = await receiver('');
    const rejected = assert.rejects(
      opened.sender().send(get(url), { ...LIMITS, headersMs: 50 }, unaborted()),
      failure('timeout', `${where} did not answer within 50 ms.`),
    );
    const socket = await request;
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
    socket.once('close', () => clearInterval(timer));
    await rejected;
    await closed;
  });

  for (
    const [what, text] of Object.entries({ 'for its body': HEAD, 'in the middle of its body': `${HEAD}abc` })
  ) {
    it(`${what} is left`, async () => {
      const { url, where, closed, connections } = await receiver(text);
      await assert.rejects(
        opened.sender().send(get(url), { ...LIMITS, idleMs: 30 }, unaborted()),
        failure('timeout', `${where} answered 200, but sent nothing more of the body for 30 ms.`),
      );
      await closed;
      assert.equal(connections(), 1);
    });
  }

  it('with a body that drips is left when the signal says so', async () => {
    const { url, where, request, closed, connections } = await receiver(HEAD);
    const aborting = new AbortController();
    const rejected = assert.rejects(
      opened.sender().send(get(url), { ...LIMITS, idleMs: 10_000 }, aborting.signal),
      failure('aborted', `The request to ${where} was aborted in the middle of its answer.`),
    );
    const socket = await request;
    let drops = 0;
    const timer = setInterval(() => {
      socket.write('.');
      if (++drops === 5) aborting.abort();
    }, 5);
    socket.once('close', () => clearInterval(timer));
    await rejected;
    await closed;
    assert.equal(connections(), 1);
  });
});

describe('an aborted request', () => {
  it('is not sent when it was aborted before', async () => {
    const { url, where, connections } = await receiver(HEAD);
    const reason = new Error('too late');
    await assert.rejects(
      opened.sender().send(get(url), LIMITS, AbortSignal.abort(reason)),
      (error: Error) => {
        assert.equal(error.cause, reason);
        return failure('aborted', `The request to ${where} was aborted before it was sent.`)(error);
      },
    );
    assert.equal(connections(), 0);
  });

  it('ends in the look-up of its name', async () => {
    const aborting = new AbortController();
    const sender = opened.sender({
      resolve: () => {
        aborting.abort();
        return new Promise(() => {});
      },
    });
    await assert.rejects(
      sender.send(get('http://jobs.example/'), LIMITS, aborting.signal),
      failure('aborted', 'The request to jobs.example:80 was aborted before it was sent.'),
    );
  });

  it('ends in the TLS handshake, and so does the handshake', async () => {
    const { where, request, closed } = await receiver('');
    const aborting = new AbortController();
    const rejected = assert.rejects(
      opened.sender().send(get(`https://${where}/`), LIMITS, aborting.signal),
      failure('aborted', `The request to ${where} was aborted before it was sent.`),
    );
    await request;
    aborting.abort();
    await rejected;
    await closed;
  });

  it('ends before its answer, and so does its connection', async () => {
    const { url, where, request, closed, connections } = await receiver('');
    const aborting = new AbortController();
    const rejected = assert.rejects(
      opened.sender().send(get(url), LIMITS, aborting.signal),
      failure('aborted', `The request to ${where} was aborted before its answer was there.`),
    );
    await request;
    aborting.abort();
    await rejected;
    await closed;
    assert.equal(connections(), 1);
  });

  it('does not touch a response that was complete', async () => {
    const { url } = await receiver('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    const aborting = new AbortController();
    const response = await opened.sender().send(get(url), LIMITS, aborting.signal);
    aborting.abort();
    assert.equal(response.bodyText, 'ok');
  });
});

describe('a sender that is closed', () => {
  it('ends the requests that are under way, and sends no other', async () => {
    const { url, where, request, closed } = await receiver('');
    const sender = opened.sender({ resolve: () => new Promise(() => {}) });
    const rejected = Promise.all([
      assert.rejects(
        sender.send(get(url), LIMITS, unaborted()),
        failure('aborted', `The request to ${where} was aborted: this replica stops.`),
      ),
      assert.rejects(
        sender.send(get('http://jobs.example/'), LIMITS, unaborted()),
        failure('aborted', 'The request to jobs.example:80 was aborted: this replica stops.'),
      ),
    ]);
    await request;
    await sender.close();
    await rejected;
    await closed;
    await assert.rejects(
      sender.send(get(url), LIMITS, unaborted()),
      failure('aborted', 'No request is sent any more: this replica stops.'),
    );
  });

  it('closes its idle connections', async () => {
    const { url, closed } = await receiver('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    const sender = opened.sender();
    await sender.send(get(url), LIMITS, unaborted());
    await sender.close();
    await closed;
  });
});
