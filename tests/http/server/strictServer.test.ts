/** Responses of a replica, and of the front door before it, to bytes that no client library sends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { serve } from '../../../src/http/server/server.ts';
import { createStrictServer } from '../../../src/http/server/strictServer.ts';
import { systemClock } from '../../../src/infra/machine/clock.ts';
import { openFrontDoor } from '../../../src/local/door/frontDoor.ts';
import { HOURLY, lead, send, testApi } from '../support.ts';
import { HostNames } from '../../../src/domain/membership/hostNames.ts';

const host = '127.0.0.1';
const HOST = `Host: localhost\r\n`;

interface Reply {
  status: number;
  type: string | undefined;
  body: string;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  return socket;
}

/** Everything up to the end of the connection. */
async function rest(socket: Socket): Promise<string> {
  let received = '';
  socket.on('data', (bytes) => received += bytes);
  // A client that has sent more than was read gets a reset after the response.
  socket.on('error', () => {});
  if (!socket.closed) await once(socket, 'close');
  return received;
}

async function replyTo(port: number, request: string): Promise<Reply> {
  const socket = await open(port);
  const received = rest(socket);
  socket.write(request, 'latin1');
  return parsed(await received);
}

function parsed(text: string): Reply {
  const [head = '', ...body] = text.split('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]),
    type: /^content-type: (.*)$/im.exec(head)?.[1]?.trim(),
    body: body.join('\r\n\r\n'),
  };
}

/** A request on its own connection. */
const ask = (line: string, headers = HOST) => `${line}\r\n${headers}Connection: close\r\n\r\n`;

const REFUSED: [what: string, request: string, status: number, sentence: RegExp][] = [
  ['HTTP/1.1 without a Host', ask('GET /livez HTTP/1.1', ''), 400, /no Host header/],
  ['two Hosts', ask('GET /livez HTTP/1.1', `${HOST}${HOST}`), 400, /2 Host headers/],
  ['two Hosts in HTTP/1.0', ask('GET /livez HTTP/1.0', `${HOST}Host: a\r\n`), 400, /2 Host headers/],
  ['a Host that is none', ask('GET /livez HTTP/1.1', 'Host: a b/c\r\n'), 400, /"a b\/c" is not a host/],
  ['an address of five bytes', ask('GET /livez HTTP/1.1', 'Host: 1.2.3.4.5\r\n'), 400, /is not a host/],
  [
    'a Host in another spelling',
    ask('GET /livez HTTP/1.1', 'Host: [0:0:0:0:0:0:0:1]\r\n'),
    400,
    /do not form a valid URL/,
  ],
  ['a Host of an odd port', ask('GET /livez HTTP/1.1', 'Host: a:99999\r\n'), 400, /is not a host/],
  [
    'two lengths',
    ask('POST /schedules HTTP/1.1', `${HOST}Content-Length: 1\r\nContent-Length: 2\r\n`),
    400,
    /HTTP\/1\.1/,
  ],
  [
    'a length and chunks',
    ask(
      'POST /schedules HTTP/1.1',
      `${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n`,
    ),
    400,
    /HTTP\/1\.1/,
  ],
  ['headers too large', ask('GET /livez HTTP/1.1', `${HOST}X: ${'a'.repeat(20_000)}\r\n`), 431, /16 KiB/],
  ['a URL too large', ask(`GET /${'a'.repeat(20_000)} HTTP/1.1`), 431, /16 KiB/],
  ['what is not to be expected', ask('POST /schedules HTTP/1.1', `${HOST}Expect: magic\r\n`), 417, /"magic"/],
  ['an unknown method', ask('BREW /livez HTTP/1.1'), 400, /HTTP\/1\.1/],
  ['what is no HTTP', 'hello\r\n\r\n', 400, /HTTP\/1\.1/],
  ['the first bytes of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, /HTTP\/1\.1/],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, /HTTP\/1\.1/],
  ['another version', ask('GET /livez HTTP/1.7'), 400, /HTTP\/1\.1/],
  ['CONNECT', ask('CONNECT elsewhere:443 HTTP/1.1'), 405, /not a proxy/],
  ['OPTIONS *', ask('OPTIONS * HTTP/1.1'), 400, /no path/],
  ['bytes that are not percent-encoded', ask('GET /schedules?q=\xc3\xa9 HTTP/1.1'), 400, /./],
  ['malformed UTF-8 in the query', ask('GET /schedules?q=%ED%A0%80 HTTP/1.1'), 400, /query parameter q/],
  ['malformed UTF-8 in the path', ask('GET /runs/%FF HTTP/1.1'), 400, /the path is not/],
  ['a fragment', ask('GET /livez#a HTTP/1.1'), 400, /fragment/],
  ['another host in its URL', ask('GET http://elsewhere/livez HTTP/1.1'), 400, /another host/],
  ...[
    ...[
      '/schedules/../leader/step-down',
      '/schedules/%2e%2e/leader/step-down',
      '/schedules/.%2E/leader/step-down',
    ],
    ...[
      '/schedules/%2E./leader/step-down',
      '/schedules\\..\\leader\\step-down',
      '/schedules/..%5cleader/step-down',
    ],
    ...['/./leader/step-down', '/leader/%2e/step-down', '/schedules%2f..%2fleader/step-down'],
    ...['http://localhost/schedules/../leader/step-down', '/leader/step-down/..', '/leader/step-down/%2E'],
  ].map((url): typeof REFUSED[number] => [url, ask(`POST ${url} HTTP/1.1`), 400, /segment of dots/]),
];

/** These reach no route, and are not resolved to one. */
const NOWHERE = [
  ...[
    '//leader/step-down',
    '/leader//step-down',
    '/leader%2Fstep-down',
    '/leader%5Cstep-down',
    '/leader/step-down/',
  ],
  ...[
    '/schedules/%252e%252e/leader/step-down',
    '/%6Ceader/step-down%00',
    '/LEADER/step-down',
    '/.../leader/step-down',
  ],
];

const PROBES = ['/livez', '/readyz', '/health'];

describe('a replica and the front door', () => {
  const ports: Record<string, number> = {};
  const toClose: { close(): Promise<void> }[] = [];
  let term: () => Promise<unknown>;

  before(async () => {
    const api = await testApi();
    await send(api.app, 'POST', '/schedules', { ...HOURLY, id: 'a' });
    await lead(api.store);
    term = async () => (await api.store.lease.read()).lease.step_down_term;
    const server = await serve(api.app, { host, port: 0, clock: systemClock() });
    let isLive = () => {};
    const live = new Promise<void>((resolve) => isLive = resolve);
    const upstreams = [{ id: 'a', port: server.port }];
    const door = await openFrontDoor({
      host,
      port: 0,
      upstreams,
      names: new HostNames({ names: ['a'], own: [] }),
      secret: 'of this door',
      clock: systemClock(),
      probeEveryMs: 10,
      onChange: () => isLive(),
    });
    toClose.push(server, door);
    await live;
    Object.assign(ports, { 'a replica': server.port, 'the front door': door.port });
  });
  after(async () => {
    for (const one of toClose.reverse()) await one.close();
  });

  for (const at of ['a replica', 'the front door']) {
    for (const [what, request, status, sentence] of REFUSED) {
      it(`responds with a problem at ${at}: ${what}`, async () => {
        const before = await term();
        const answer = await replyTo(ports[at]!, request);
        assert.equal(answer.status, status, answer.body);
        assert.equal(answer.type, 'application/problem+json');
        const body = JSON.parse(answer.body);
        assert.equal(body.status, status);
        assert.match(body.detail, sentence);
        assert.deepEqual(await term(), before);
      });
    }

    for (const url of NOWHERE) {
      it(`answers 404 at ${at} to ${url}`, async () => {
        const before = await term();
        const { status, type } = await replyTo(ports[at]!, ask(`POST ${url} HTTP/1.1`));
        assert.deepEqual([status, type], [404, 'application/problem+json']);
        assert.deepEqual(await term(), before);
      });
    }

    for (const path of PROBES) {
      it(`answers 200 to an HTTP/1.0 probe without a Host at ${at}: ${path}`, async () => {
        assert.equal((await replyTo(ports[at]!, `GET ${path} HTTP/1.0\r\n\r\n`)).status, 200);
      });
    }

    it(`accepts a request line with an absolute URL at ${at}`, async () => {
      assert.equal((await replyTo(ports[at]!, ask('GET http://localhost/livez HTTP/1.1'))).status, 200);
    });

    it(`answers HEAD without a body at ${at}, also with a problem`, async () => {
      const { status, body } = await replyTo(ports[at]!, ask('HEAD /a/../b HTTP/1.1'));
      assert.deepEqual([status, body], [400, '']);
    });
  }
});

describe('a strict server', () => {
  it('answers 408 to a request that is not complete in time', async () => {
    const server = createStrictServer(
      { headersTimeout: 50, requestTimeout: 100, connectionsCheckingInterval: 20 },
      (_incoming, outgoing) => outgoing.end(),
    );
    server.listen(0, host);
    await once(server, 'listening');
    const socket = await open((server.address() as { port: number }).port);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n');
    const { status, type } = parsed(await rest(socket));
    assert.deepEqual([status, type], [408, 'application/problem+json']);
    server.close();
  });

  it('responds to a request before it refuses malformed data after it', async () => {
    let finish = () => {};
    const server = createStrictServer({}, (_incoming, outgoing) => {
      finish = () => outgoing.end('done');
    });
    const refused = once(server, 'clientError');
    server.listen(0, host);
    await once(server, 'listening');
    const socket = await open((server.address() as { port: number }).port);
    const received = rest(socket);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nno request\r\n\r\n');
    await refused;
    finish();
    const { status, body } = parsed(await received);
    assert.deepEqual([status, body], [200, 'done']);
    server.close();
  });

  it('refuses a request with a malformed body before its response', async () => {
    const server = createStrictServer({}, () => {});
    server.listen(0, host);
    await once(server, 'listening');
    const socket = await open((server.address() as { port: number }).port);
    const received = rest(socket);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n');
    const { status, type } = parsed(await received);
    assert.deepEqual([status, type], [400, 'application/problem+json']);
    server.close();
  });

  it('writes nothing into a response that has begun', async () => {
    const server = createStrictServer({}, (_incoming, outgoing) => {
      outgoing.writeHead(200, { 'Content-Length': 1000 });
      outgoing.write('begun');
    });
    server.listen(0, host);
    await once(server, 'listening');
    const socket = await open((server.address() as { port: number }).port);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const received = rest(socket);
    await once(socket, 'data');
    socket.write('no chunk\r\n');
    const { status, body } = parsed(await received);
    assert.equal(status, 200);
    assert.equal(body, 'begun');
    server.close();
  });
});
