import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { after, describe, it } from 'node:test';
import { text } from 'node:stream/consumers';
import type { Route } from '../../../src/http/shared/api.ts';
import { liveness } from '../../../src/http/membership/liveness.ts';
import { serve } from '../../../src/http/server/server.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { KNOWS_NONE } from '../../infra/membership/peerSupport.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { problem, testApi } from '../support.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const MAX_STRANGERS = 8;
const MAX_PEERS = 64;
const TRIAL_MS = 10_000;

const replica = { id: 'replica-1', boot: BOOT, address: 'http://127.0.0.1:8081', version: '0.1.0' };

/** A boot of its own for each number. */
const boot = (n: number) => `${String(n).padStart(8, '0')}${BOOT.slice(8)}`;

async function setUp() {
  const clock = new SimClock();
  const replicas = new Map<string, { lost_at: Date | null }>();
  let looks = 0;
  const known = { get: (boot: string) => replicas.get(boot), look: () => void looks++ };
  const { goodbye, eldest, routes } = liveness({ replica, clock, known });
  const { app } = await testApi({ more: routes });
  return {
    goodbye,
    eldest,
    app,
    clock,
    ask: (query = '') => Promise.resolve(app.request(`/liveness${query}`)),
    /** They have announced themselves, and none of them is lost. */
    announce: (...boots: string[]) => boots.forEach((each) => replicas.set(each, { lost_at: null })),
    lose: (boot: string) => replicas.set(boot, { lost_at: new Date(0) }),
    looks: () => looks,
  };
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

  it('says in each answer which process is here, and for how long', async () => {
    const { app, ask, clock, goodbye } = await setUp();
    const said = async (answer: Response | Promise<Response>) => {
      const { status, headers, body } = await answer;
      await body?.cancel();
      return [status, headers.get('hascheduler-boot'), headers.get('hascheduler-up-ms')];
    };
    assert.deepEqual(await said(ask()), [200, BOOT, '0']);
    await clock.advance(1500);
    assert.deepEqual(await said(app.request('/liveness', { method: 'HEAD' })), [200, BOOT, '1500']);
    for (let i = 0; i < MAX_STRANGERS; i++) await ask();
    assert.deepEqual(await said(ask()), [503, BOOT, '1500']);
    goodbye();
    assert.deepEqual(await said(ask()), [503, BOOT, '1500']);
  });

  it('refuses the ninth stranger, and has its place again when one goes away', async () => {
    const { ask, goodbye } = await setUp();
    const answers = [];
    for (let i = 0; i < MAX_STRANGERS; i++) answers.push(piecesOf(await ask()));
    assert.match((await problem(ask(), 503)).detail, /as there is room for/);
    await answers[7]?.cancel();
    const late = await ask();
    assert.equal(late.status, 200);
    await problem(ask(), 503);
    goodbye();
    assert.equal(await late.text(), `${BOOT}\ngoodbye\n`);
  });

  it('lets strangers stay for a while only, whether they name a boot or not', async () => {
    const { ask, clock, goodbye } = await setUp();
    const answers = [await ask(), await ask(`?boot=${boot(1)}`)];
    await clock.advance(TRIAL_MS);
    // Without a goodbye: nobody has stopped.
    for (const answer of answers) assert.equal(await answer.text(), `${BOOT}\n`);
    goodbye();
  });

  it('has a place for each replica, however many strangers are there', async () => {
    const { ask, announce, clock, goodbye, looks } = await setUp();
    for (let i = 0; i < MAX_STRANGERS; i++) await ask(`?boot=${boot(100 + i)}`);
    await problem(ask(`?boot=${boot(1)}`), 503);
    assert.equal(looks(), MAX_STRANGERS + 1, 'the list of replicas is read, which it may be on by now');
    announce(boot(1), boot(2));
    const answers = [await ask(`?boot=${boot(1)}`), await ask(`?boot=${boot(2)}`)];
    assert.equal(looks(), MAX_STRANGERS + 1);
    await clock.advance(6 * TRIAL_MS);
    goodbye();
    for (const answer of answers) assert.equal(await answer.text(), `${BOOT}\ngoodbye\n`);
  });

  it('keeps a place that was taken just before its replica announced itself', async () => {
    const { ask, announce, clock, goodbye } = await setUp();
    const answer = await ask(`?boot=${boot(1)}`);
    announce(boot(1));
    for (let i = 0; i < MAX_STRANGERS; i++) await ask();
    await clock.advance(6 * TRIAL_MS);
    goodbye();
    assert.equal(await answer.text(), `${BOOT}\ngoodbye\n`);
  });

  it('has two places for one replica, and the newest count: it can not be kept out', async () => {
    const { ask, announce, goodbye } = await setUp();
    announce(boot(1));
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await ask(`?boot=${boot(1)}`));
    goodbye();
    const said = await Promise.all(answers.map((answer) => answer.text()));
    assert.deepEqual(said.map((text) => text.endsWith('goodbye\n')), [false, false, false, true, true]);
  });

  it('has places for 64 replicas', async () => {
    const { ask, announce, goodbye } = await setUp();
    for (let i = 0; i <= MAX_PEERS; i++) announce(boot(i));
    for (let i = 0; i < MAX_PEERS; i++) assert.equal((await ask(`?boot=${boot(i)}`)).status, 200);
    await problem(ask(`?boot=${boot(MAX_PEERS)}`), 503);
    goodbye();
  });

  it('knows which replica has been there for longest, and takes no stranger for one', async () => {
    const { ask, eldest, announce, lose } = await setUp();
    const [first, second] = [boot(1), boot(2)];
    assert.equal(eldest(), null);
    await ask();
    await ask(`?boot=${boot(3)}`);
    assert.equal(eldest(), null);
    announce(BOOT, first, second);
    await ask(`?boot=${BOOT}`);
    assert.equal(eldest(), null, 'not this process itself');
    const answer = piecesOf(await ask(`?boot=${first}`));
    await ask(`?boot=${second}`);
    assert.equal(eldest(), first);
    lose(first);
    assert.equal(eldest(), second, 'the first one is not heard any more');
    announce(first);
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
    for (let i = 0; i <= MAX_STRANGERS; i++) {
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
    const { goodbye, routes } = liveness({ replica, clock: systemClock(), known: KNOWS_NONE });
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
    for (let i = 0; i < MAX_STRANGERS; i++) answers.push(await connect());
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
