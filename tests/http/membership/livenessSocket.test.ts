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
import { testApi } from '../support.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';
const MAX_UNANNOUNCED = 8;
const replica = { id: 'replica-1', boot: BOOT, address: 'http://127.0.0.1:8081', version: '0.1.0' };

/** Less than `close` waits for a response that does not end by itself. */
const AT_ONCE = { timeout: 3_000 };

describe('GET /liveness on a socket', () => {
  const closing: (() => Promise<void>)[] = [];
  after(() => Promise.all(closing.map((close) => close())));

  /** A server with the endpoint. */
  async function served() {
    const { goodbye, routes } = liveness({ replica, clock: systemClock(), known: KNOWS_NONE });
    const { app } = await testApi({ more: routes as Route[] });
    const server = await serve(app, { host: '127.0.0.1', port: 0, clock: systemClock() });
    closing.push(() => (goodbye(), server.close()));
    /** A connection of its own, once the response has begun. */
    const connect = () =>
      new Promise<IncomingMessage>((resolve, reject) => {
        const request = get(`http://127.0.0.1:${server.port}/liveness`, { agent: false }, resolve);
        request.on('error', reject);
      });
    return { goodbye, server, connect };
  }

  it('responds at once, and ends with the goodbye', AT_ONCE, async () => {
    const { connect, goodbye } = await served();
    const answer = await connect();
    const [first] = await once(answer, 'data');
    assert.equal(String(first), `${BOOT}\n`);
    goodbye();
    assert.equal(await text(answer), 'goodbye\n');
  });

  it('releases the connection of a client that vanished', AT_ONCE, async () => {
    const { connect } = await served();
    const answers: IncomingMessage[] = [];
    for (let i = 0; i < MAX_UNANNOUNCED; i++) answers.push(await connect());
    const refused = await connect();
    assert.equal(refused.statusCode, 503);
    refused.resume();
    answers[0]?.on('error', () => {});
    answers[0]?.destroy();
    // The server detects it at some point, without a signal to await.
    for (;;) {
      const answer = await connect();
      answer.resume();
      if (answer.statusCode === 200) break;
    }
    for (const answer of answers) answer.on('error', () => {}).resume();
  });

  it('does not delay the close of the server after the goodbye', AT_ONCE, async () => {
    const { connect, goodbye, server } = await served();
    const answers = [await connect(), await connect()];
    goodbye();
    await server.close();
    for (const answer of answers) assert.equal(await text(answer), `${BOOT}\ngoodbye\n`);
  });

  it('does not delay it when the client does not read either', AT_ONCE, async () => {
    const { connect, goodbye, server } = await served();
    const answer = await connect();
    answer.pause();
    goodbye();
    await server.close();
    answer.on('error', () => {}).destroy();
  });
});
