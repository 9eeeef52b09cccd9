import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { after, describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import type { Route } from '../../src/http/api.ts';
import { liveness } from '../../src/http/liveness.ts';
import { serve } from '../../src/http/server.ts';
import { systemClock } from '../../src/infra/clock.ts';
import { problem, testApi } from './support.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const MAX_STREAMS = 64;

const replica = { id: 'replica-1', boot: BOOT, address: 'http://127.0.0.1:8081', version: '0.1.0' };

async function setUp() {
  const { goodbye, eldest, routes } = liveness({ replica });
  const { app } = await testApi({ more: routes });
  return { goodbye, eldest, app, ask: (query = '') => Promise.resolve(app.request(`/liveness${query}`)) };
}

/** The text of an answer, piece by piece. */
function piecesOf(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  return {
    next: async () => decoder.decode((await reader.read()).value),
    ended: async () => (await reader.read()).done,
    cancel: () => reader.cancel(),
  };
}

describe('GET /liveness', () => {
  it('says which process is here, and stays open', async () => {
    const { ask, goodbye } = await setUp();
    const response = await ask();
    assert.deepEqual([response.status, response.headers.get('content-type')], [
      200,
      'text/plain; charset=utf-8',
    ]);
    const { next, ended } = piecesOf(response);
    assert.equal(await next(), `${BOOT}\n`);
    const more = next();
    const others = piecesOf(await ask());
    assert.equal(await others.next(), `${BOOT}\n`);
    goodbye();
    assert.equal(await more, 'goodbye\n', 'nothing came before');
    assert.equal(await ended(), true);
  });

  it('says goodbye to everybody, and takes nobody afterwards', async () => {
    const { ask, goodbye } = await setUp();
    const answers = [await ask(), await ask(), await ask()];
    goodbye();
    for (const answer of answers) assert.equal(await answer.text(), `${BOOT}\ngoodbye\n`);
    assert.equal((await problem(ask(), 503)).detail, 'this replica is stopping');
    goodbye();
  });

  it('refuses the 65th, and has its place again when one goes away', async () => {
    const { ask, goodbye } = await setUp();
    const answers = [];
    for (let i = 0; i < MAX_STREAMS; i++) answers.push(piecesOf(await ask()));
    assert.equal((await problem(ask(), 503)).detail, '64 peers hold a liveness connection already');
    await answers[7]?.cancel();
    const late = await ask();
    assert.equal(late.status, 200);
    await problem(ask(), 503);
    goodbye();
    assert.equal(await late.text(), `${BOOT}\ngoodbye\n`);
  });

  it('knows who has been there for longest, of those that say who they are', async () => {
    const { ask, eldest } = await setUp();
    const [first, second] = ['a', 'b'].map((letter) => BOOT.replaceAll('1', letter));
    assert.equal(eldest(), null);
    await ask();
    assert.equal(eldest(), null);
    const answer = piecesOf(await ask(`?boot=${first}`));
    await ask(`?boot=${second}`);
    assert.equal(eldest(), first);
    await answer.cancel();
    assert.equal(eldest(), second);
  });

  it('refuses a name that is none, and what it has no use for', async () => {
    const { ask, eldest } = await setUp();
    assert.equal((await problem(ask('?boot=me'), 400)).detail, 'boot: "me" is not a uuid');
    assert.match(
      (await problem(ask('?bot=me'), 400)).detail,
      /^bot: not a query parameter of this connection/,
    );
    assert.equal(eldest(), null);
  });

  it('gives no place to a HEAD, whose answer nobody could end', async () => {
    const { app, ask } = await setUp();
    for (let i = 0; i <= MAX_STREAMS; i++) {
      assert.equal((await app.request('/liveness', { method: 'HEAD' })).status, 200);
    }
    const response = await ask();
    assert.equal(response.status, 200);
    await response.body?.cancel();
  });
});

/** Less than `close` waits for an answer that does not end by itself. */
const AT_ONCE = { timeout: 3_000 };

describe('GET /liveness on a socket', () => {
  const closing: (() => Promise<void>)[] = [];
  after(() => Promise.all(closing.map((close) => close())));

  /** A server, and how often a place was asked for. */
  async function served() {
    const { goodbye, routes } = liveness({ replica });
    const { app } = await testApi({ more: routes as Route[] });
    const server = await serve(app, { host: '127.0.0.1', port: 0, clock: systemClock() });
    closing.push(() => (goodbye(), server.close()));
    /** A connection of its own, when the answer has begun. */
    const connect = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const request = get(`http://127.0.0.1:${server.port}/liveness`, { agent: false }, resolve);
        request.on('error', reject);
      });
    return { goodbye, server, connect };
  }

  it('comes at once, and ends with the goodbye', AT_ONCE, async () => {
    const { connect, goodbye } = await served();
    const answer = await connect();
    const [first] = await once(answer, 'data');
    assert.equal(String(first), `${BOOT}\n`);
    goodbye();
    assert.equal(await text(answer), 'goodbye\n');
  });

  it('has the place again of a client that went away without a word', AT_ONCE, async () => {
    const { connect } = await served();
    const answers: IncomingMessage[] = [];
    for (let i = 0; i < MAX_STREAMS; i++) answers.push(await connect());
    const refused = await connect();
    assert.equal(refused.statusCode, 503);
    refused.resume();
    answers[0]?.on('error', () => {});
    answers[0]?.destroy();
    // The server hears of it in its own time, and tells nobody.
    for (;;) {
      const answer = await connect();
      answer.resume();
      if (answer.statusCode === 200) break;
    }
    for (const answer of answers) answer.on('error', () => {}).resume();
  });

  it('does not hold up the end of the server once goodbye was said', AT_ONCE, async () => {
    const { connect, goodbye, server } = await served();
    const answers = [await connect(), await connect()];
    goodbye();
    await server.close();
    for (const answer of answers) assert.equal(await text(answer), `${BOOT}\ngoodbye\n`);
  });

  it('does not hold it up either when the client does not read', AT_ONCE, async () => {
    const { connect, goodbye, server } = await served();
    const answer = await connect();
    answer.pause();
    goodbye();
    await server.close();
    answer.on('error', () => {}).destroy();
  });
});
