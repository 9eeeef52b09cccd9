import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { liveness } from '../../../src/http/membership/liveness.ts';
import { SimClock } from '../../../harness/sim/clock.ts';
import { problem, testApi } from '../support.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const MAX_UNANNOUNCED = 8;
const MAX_PEERS = 64;
const RECHECK_MS = 10_000;

const replica = { id: 'replica-1', boot: BOOT, address: 'http://127.0.0.1:8081', version: '0.1.0' };

/** A different boot for each number. */
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
    /** Announces replicas that are not lost. */
    announce: (...boots: string[]) => boots.forEach((each) => replicas.set(each, { lost_at: null })),
    lose: (boot: string) => replicas.set(boot, { lost_at: new Date(0) }),
    looks: () => looks,
  };
}

/** The text of a response, chunk by chunk. */
function chunksOf(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  return {
    next: async () => decoder.decode((await reader.read()).value),
    ended: async () => (await reader.read()).done,
    cancel: () => reader.cancel(),
  };
}

describe('GET /liveness', () => {
  it('identifies the process, and stays open', async () => {
    const { ask, goodbye } = await setUp();
    const response = await ask();
    assert.deepEqual([response.status, response.headers.get('content-type')], [
      200,
      'text/plain; charset=utf-8',
    ]);
    const { next, ended } = chunksOf(response);
    assert.equal(await next(), `${BOOT}\n`);
    const more = next();
    const others = chunksOf(await ask());
    assert.equal(await others.next(), `${BOOT}\n`);
    goodbye();
    assert.equal(await more, 'goodbye\n', 'nothing was sent before');
    assert.equal(await ended(), true);
  });

  it('sends a goodbye on every connection, and admits none afterwards', async () => {
    const { ask, goodbye } = await setUp();
    const answers = [await ask(), await ask(), await ask()];
    goodbye();
    for (const answer of answers) assert.equal(await answer.text(), `${BOOT}\ngoodbye\n`);
    assert.equal((await problem(ask(), 503)).detail, 'this replica is stopping');
    goodbye();
  });

  it('states boot and uptime in the headers of every response', async () => {
    const { app, ask, clock, goodbye } = await setUp();
    const said = async (answer: Response | Promise<Response>) => {
      const { status, headers, body } = await answer;
      await body?.cancel();
      return [status, headers.get('hascheduler-boot'), headers.get('hascheduler-up-ms')];
    };
    assert.deepEqual(await said(ask()), [200, BOOT, '0']);
    await clock.advance(1500);
    assert.deepEqual(await said(app.request('/liveness', { method: 'HEAD' })), [200, BOOT, '1500']);
    for (let i = 0; i < MAX_UNANNOUNCED; i++) await ask();
    assert.deepEqual(await said(ask()), [503, BOOT, '1500']);
    goodbye();
    assert.deepEqual(await said(ask()), [503, BOOT, '1500']);
  });

  it('refuses the ninth unannounced boot, until one disconnects', async () => {
    const { ask, goodbye } = await setUp();
    const answers = [];
    for (let i = 0; i < MAX_UNANNOUNCED; i++) answers.push(chunksOf(await ask()));
    assert.match((await problem(ask(), 503)).detail, /limit of liveness connections/);
    await answers[7]?.cancel();
    const late = await ask();
    assert.equal(late.status, 200);
    await problem(ask(), 503);
    goodbye();
    assert.equal(await late.text(), `${BOOT}\ngoodbye\n`);
  });

  it('disconnects unannounced clients after a while, with a boot or without', async () => {
    const { ask, clock, goodbye } = await setUp();
    const answers = [await ask(), await ask(`?boot=${boot(1)}`)];
    await clock.advance(RECHECK_MS);
    // Without a goodbye: the replica is not stopping.
    for (const answer of answers) assert.equal(await answer.text(), `${BOOT}\n`);
    goodbye();
  });

  it('admits every replica, however many unannounced clients there are', async () => {
    const { ask, announce, clock, goodbye, looks } = await setUp();
    for (let i = 0; i < MAX_UNANNOUNCED; i++) await ask(`?boot=${boot(100 + i)}`);
    await problem(ask(`?boot=${boot(1)}`), 503);
    assert.equal(looks(), MAX_UNANNOUNCED + 1, 'the announcements are read again');
    announce(boot(1), boot(2));
    const answers = [await ask(`?boot=${boot(1)}`), await ask(`?boot=${boot(2)}`)];
    assert.equal(looks(), MAX_UNANNOUNCED + 1);
    await clock.advance(6 * RECHECK_MS);
    goodbye();
    for (const answer of answers) assert.equal(await answer.text(), `${BOOT}\ngoodbye\n`);
  });

  it('keeps a connection whose replica announces itself just afterwards', async () => {
    const { ask, announce, clock, goodbye } = await setUp();
    const answer = await ask(`?boot=${boot(1)}`);
    announce(boot(1));
    for (let i = 0; i < MAX_UNANNOUNCED; i++) await ask();
    await clock.advance(6 * RECHECK_MS);
    goodbye();
    assert.equal(await answer.text(), `${BOOT}\ngoodbye\n`);
  });

  it('keeps the newest two connections of a replica: it cannot be locked out', async () => {
    const { ask, announce, goodbye } = await setUp();
    announce(boot(1));
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await ask(`?boot=${boot(1)}`));
    goodbye();
    const said = await Promise.all(answers.map((answer) => answer.text()));
    assert.deepEqual(said.map((text) => text.endsWith('goodbye\n')), [false, false, false, true, true]);
  });

  it('admits 64 replicas', async () => {
    const { ask, announce, goodbye } = await setUp();
    for (let i = 0; i <= MAX_PEERS; i++) announce(boot(i));
    for (let i = 0; i < MAX_PEERS; i++) assert.equal((await ask(`?boot=${boot(i)}`)).status, 200);
    await problem(ask(`?boot=${boot(MAX_PEERS)}`), 503);
    goodbye();
  });

  it('finds the replica with the oldest connection, and no unannounced boot', async () => {
    const { ask, eldest, announce, lose } = await setUp();
    const [first, second] = [boot(1), boot(2)];
    assert.equal(eldest(), null);
    await ask();
    await ask(`?boot=${boot(3)}`);
    assert.equal(eldest(), null);
    announce(BOOT, first, second);
    await ask(`?boot=${BOOT}`);
    assert.equal(eldest(), null, 'never this process itself');
    const answer = chunksOf(await ask(`?boot=${first}`));
    await ask(`?boot=${second}`);
    assert.equal(eldest(), first);
    lose(first);
    assert.equal(eldest(), second, 'the first one is lost');
    announce(first);
    assert.equal(eldest(), first);
    await answer.cancel();
    assert.equal(eldest(), second);
  });

  it('refuses an invalid boot, and unknown parameters', async () => {
    const { ask, eldest } = await setUp();
    assert.equal((await problem(ask('?boot=me'), 400)).detail, 'boot: "me" is not a UUID');
    assert.match(
      (await problem(ask('?bot=me'), 400)).detail,
      /^bot: not a query parameter of this connection/,
    );
    assert.equal(eldest(), null);
  });

  it('does not count a HEAD, which has no stream', async () => {
    const { app, ask } = await setUp();
    for (let i = 0; i <= MAX_UNANNOUNCED; i++) {
      assert.equal((await app.request('/liveness', { method: 'HEAD' })).status, 200);
    }
    const response = await ask();
    assert.equal(response.status, 200);
    await response.body?.cancel();
  });
});
