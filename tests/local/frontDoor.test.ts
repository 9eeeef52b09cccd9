import { afterEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { HostNames } from '../../src/domain/membership/hostNames.ts';
import { type FrontDoor, type FrontDoorOptions, openFrontDoor } from '../../src/local/frontDoor.ts';

interface Backend {
  id: string;
  port: number;
  /** The requests that arrived, probes aside. */
  seen: string[];
  ready: boolean;
  /** Takes connections and says nothing. */
  frozen: boolean;
  /** Resolves when so many more probes are over, answered or not. */
  probedFor(probes: number): Promise<void>;
  close(): Promise<void>;
}

const toClose: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of toClose.splice(0).reverse()) await one.close();
});

/** A replica for tests: `handler` answers everything but the probes. */
async function backend(id: string, handler?: RequestListener): Promise<Backend> {
  let probed = 0;
  let wake = () => {};
  const probedFor = async (probes: number) => {
    for (const enough = probed + probes; probed < enough;) {
      await new Promise<void>((resolve) => wake = resolve);
    }
  };
  const made: Backend = {
    ...{ id, port: 0, seen: [], ready: true, frozen: false, probedFor },
    close: async () => {},
  };
  const server = createServer((req, res) => {
    const isProbe = req.url === '/readyz';
    if (isProbe) {
      res.once('close', () => {
        probed++;
        wake();
      });
      if (!made.frozen) res.writeHead(made.ready ? 200 : 503).end();
      return;
    }
    made.seen.push(`${req.method} ${req.url}`);
    if (handler) handler(req, res);
    else res.end(id);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  made.port = (server.address() as AddressInfo).port;
  let closed: Promise<void> | undefined;
  made.close = () =>
    closed ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  toClose.push(made);
  return made;
}

/**
 * A front door before these, once it has seen that `live` of them are ready. `becomes` awaits later changes.
 */
async function doorBefore(upstreams: Backend[], options: Partial<FrontDoorOptions> & { live?: number } = {}) {
  let present: readonly string[] = [];
  let wake = () => {};
  const onChange = (live: readonly string[]) => {
    present = live;
    wake();
  };
  const door: FrontDoor = await openFrontDoor({
    host: '127.0.0.1',
    port: 0,
    probeEveryMs: 10,
    upstreams,
    names: new HostNames({ names: ['jobs.example'], own: [] }),
    secret: 'of this door',
    onChange,
    ...options,
  });
  toClose.push(door);
  const becomes = async (wanted: string[]) => {
    while (present.join() !== wanted.join()) await new Promise<void>((resolve) => wake = resolve);
  };
  await becomes(upstreams.map((upstream) => upstream.id).slice(0, options.live ?? upstreams.length));
  return { url: `http://127.0.0.1:${door.port}`, port: door.port, becomes };
}

const problemOf = async (response: Response) => await response.json() as { status: number; detail: string };
const textOf = async (url: string, init?: RequestInit) => await (await fetch(url, init)).text();

describe('the front door', () => {
  it('spreads requests evenly over the replicas', async () => {
    const { url } = await doorBefore([await backend('a'), await backend('b'), await backend('c')]);
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push(await textOf(`${url}/x`));
    assert.deepEqual(answers.toSorted(), ['a', 'a', 'b', 'b', 'c', 'c']);
  });

  it('sends nothing to a replica that is not ready, and again once it is', async () => {
    const [a, b] = [await backend('a'), await backend('b')];
    const { url, becomes } = await doorBefore([a, b]);
    b.ready = false;
    await becomes(['a']);
    for (let i = 0; i < 4; i++) assert.equal(await textOf(url), 'a');
    b.ready = true;
    await becomes(['a', 'b']);
    assert.deepEqual([await textOf(url), await textOf(url)].toSorted(), ['a', 'b']);
  });

  it('sends nothing to a replica that takes connections and says nothing, as a frozen one does', async () => {
    const [a, b] = [await backend('a'), await backend('b')];
    const { url, becomes } = await doorBefore([a, b], { probeTimeoutMs: 300 });
    b.frozen = true;
    await becomes(['a']);
    for (let i = 0; i < 4; i++) assert.equal(await textOf(url), 'a');
  });

  it('takes a request that one replica refused to the next, whole and once', async () => {
    const echo: RequestListener = (req, res) => void req.pipe(res);
    const [a, b] = [await backend('a', echo), await backend('b', echo)];
    // Only the first probe: the door still believes in the replica that is gone.
    const { url } = await doorBefore([a, b], { probeEveryMs: 60_000 });
    await a.close();
    for (let i = 0; i < 3; i++) {
      assert.equal(await textOf(`${url}/p${i}`, { method: 'POST', body: `body ${i}` }), `body ${i}`);
    }
    assert.deepEqual(b.seen, ['POST /p0', 'POST /p1', 'POST /p2']);
  });

  it('answers 503 with Retry-After while no replica is live', async () => {
    const a = await backend('a');
    a.ready = false;
    const { url } = await doorBefore([a], { live: 0 });
    const response = await fetch(url);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('retry-after'), '1');
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    assert.equal((await problemOf(response)).status, 503);
  });

  it('never sends a request twice that a replica may have acted on: it answers 502', async () => {
    const breaks: RequestListener = (req) => void req.once('data', () => req.socket.destroy());
    const [a, b] = [await backend('a', breaks), await backend('b', breaks)];
    const { url } = await doorBefore([a, b]);
    const response = await fetch(url, { method: 'POST', body: 'x' });
    assert.equal(response.status, 502);
    assert.match((await problemOf(response)).detail, /broke the connection before it answered/);
    assert.equal(a.seen.length + b.seen.length, 1);
  });
});

describe('the front door before a replica that freezes', () => {
  const quick = { probeTimeoutMs: 300 };
  /** Freezes it with its first request, to which nothing is said. */
  const freezing = async (id: string, onRequest: RequestListener = () => {}): Promise<Backend> => {
    const it = await backend(id, (req, res) => {
      it.frozen = true;
      onRequest(req, res);
    });
    return it;
  };

  for (const method of ['GET', 'HEAD']) {
    it(`sends a ${method} that waits for it to another one`, async () => {
      const [a, b] = [await freezing('a'), await backend('b')];
      const { url } = await doorBefore([b, a], quick);
      const response = await fetch(`${url}/x`, { method });
      assert.equal(response.status, 200);
      assert.equal(await response.text(), method === 'GET' ? 'b' : '');
      assert.deepEqual([a.seen, b.seen], [[`${method} /x`], [`${method} /x`]]);
    });
  }

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    it(`sends a ${method} nowhere else, and answers 503: it may have been made`, async () => {
      const [a, b] = [await freezing('a'), await backend('b')];
      const { url } = await doorBefore([b, a], quick);
      const body = method === 'DELETE' ? undefined : 'x'.repeat(300_000);
      const response = await fetch(url, { method, ...(body && { body }) });
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '1');
      assert.equal(
        (await problemOf(response)).detail,
        'a does not answer. Whether it acted on the request is unknown.',
      );
      assert.deepEqual([a.seen, b.seen], [[`${method} /`], []]);
    });
  }

  it('answers 503 to a GET when the others are frozen too, having asked two at most', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((id) => freezing(id)));
    const { url } = await doorBefore(all, quick);
    const response = await fetch(url);
    assert.equal(response.status, 503);
    assert.match((await problemOf(response)).detail, /does not answer\. Try again/);
    assert.equal(all.flatMap(({ seen }) => seen).length, 2);
  });

  it('waits for the answer to a write of one that is only slow', async () => {
    let answer: ServerResponse | undefined;
    const a = await freezing('a', (_req, res) => answer = res);
    const { url, becomes } = await doorBefore([a], quick);
    const response = fetch(url, { method: 'POST', body: 'x' });
    await becomes([]);
    a.frozen = false;
    await becomes(['a']);
    answer!.end('late');
    assert.equal(await (await response).text(), 'late');
  });

  it('breaks off a stream on which nothing comes any more', async () => {
    const a = await freezing('a', (_req, res) => void res.writeHead(200).write('data: 1\n\n'));
    const { url } = await doorBefore([a], quick);
    await assert.rejects(textOf(url));
  });

  it('leaves a stream alone that goes on, although the probes fail', async () => {
    let stream: ServerResponse | undefined;
    const a = await freezing('a', (_req, res) => {
      stream = res.writeHead(200);
      stream.write('.');
      const timer = setInterval(() => stream!.write('.'), 5);
      res.once('close', () => clearInterval(timer));
    });
    const { url } = await doorBefore([a], quick);
    const response = await fetch(url);
    await a.probedFor(6);
    stream!.end('the end');
    assert.match(await response.text(), /^\.+the end$/);
  });

  it('leaves everything alone that waits for one which answers that it is not ready', async () => {
    let arrive = (_answer: ServerResponse) => {};
    const arrived = new Promise<ServerResponse>((resolve) => arrive = resolve);
    const [a, b] = [await backend('a', (_req, res) => arrive(res)), await backend('b')];
    const { url, becomes } = await doorBefore([b, a], quick);
    const read = fetch(url);
    await arrived;
    a.ready = false;
    await becomes(['b']);
    await a.probedFor(4);
    (await arrived).end('drained');
    assert.equal(await (await read).text(), 'drained');
  });
});

describe('the front door, asked for a host that is not this one', () => {
  const ask = async (port: number, headers: Record<string, string>, path = '/x') => {
    const client = request({ port, host: '127.0.0.1', path, headers });
    client.end();
    const [response] = await once(client, 'response') as [IncomingMessage];
    return { status: response.statusCode, body: await text(response) };
  };

  it('answers 421 itself', async () => {
    const a = await backend('a');
    const { port } = await doorBefore([a]);
    const { status, body } = await ask(port, { host: 'evil.example', 'x-forwarded-host': 'localhost' });
    assert.equal(status, 421);
    assert.match(JSON.parse(body).detail, /"evil.example" is not a name/);
    assert.deepEqual(a.seen, []);
  });

  it('passes on what asks for it by a loopback name', async () => {
    const { port } = await doorBefore([await backend('a')]);
    assert.equal((await ask(port, { host: `localhost:${port}` })).status, 200);
  });

  it('lets no client speak for it', async () => {
    const { port } = await doorBefore([
      await backend('a', (req, res) => void res.end(JSON.stringify(req.headers))),
    ]);
    const claims = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '1',
      forwarded: 'host=evil.example',
      'x-hascheduler-door': 'guessed',
    };
    const headers = JSON.parse((await ask(port, { host: 'jobs.example', ...claims })).body);
    assert.equal(headers['x-forwarded-host'], 'jobs.example');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.equal(headers['x-forwarded-port'], undefined);
    assert.equal(headers.forwarded, undefined);
    assert.equal(headers['x-hascheduler-door'], 'of this door');
  });
});

describe('the front door as a stream', () => {
  it('passes an event stream on as it comes, and tells the replica when the client has gone', async () => {
    let stream: ServerResponse | undefined;
    let gone: Promise<unknown> | undefined;
    const { port } = await doorBefore([
      await backend('a', (_req, res) => {
        stream = res.writeHead(200, { 'content-type': 'text/event-stream' });
        gone = once(res, 'close');
        res.flushHeaders();
      }),
    ]);
    const client = request({ port, host: '127.0.0.1', path: '/events' }).end();
    client.on('error', () => {});
    // The headers, and then each event, arrive while the answer is still open.
    const [response] = await once(client, 'response') as [IncomingMessage];
    response.on('error', () => {});
    for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
      stream!.write(event);
      assert.equal(String((await once(response, 'data'))[0]), event);
    }
    client.destroy();
    await gone;
  });

  it('tells the replica that the client has gone before there was an answer', async () => {
    let arrived = (_gone: Promise<unknown>) => {};
    // In an object: a promise that resolves with a promise would wait for it.
    const waiting = new Promise<{ gone: Promise<unknown> }>((resolve) =>
      arrived = (gone) => resolve({ gone })
    );
    const { port } = await doorBefore([await backend('a', (_req, res) => arrived(once(res, 'close')))]);
    const client = request({ port, host: '127.0.0.1', path: '/slow' }).end();
    client.on('error', () => {});
    const { gone } = await waiting;
    client.destroy();
    await gone;
  });

  it('breaks the client’s connection when the replica’s answer breaks', async () => {
    const { url } = await doorBefore([
      await backend('a', (_req, res) => {
        res.write('half an ans');
        setImmediate(() => res.destroy());
      }),
    ]);
    await assert.rejects(textOf(url));
  });

  it('breaks off an answer on which nothing moves any more', async () => {
    const { url } = await doorBefore([await backend('a', () => {})], { idleLimitMs: 50 });
    const response = await fetch(url);
    assert.equal(response.status, 504);
    assert.match((await problemOf(response)).detail, /a has not answered within 0\.05 s/);
  });

  it('passes on the message, not the headers of the hop', async () => {
    const { port } = await doorBefore([
      await backend('a', async (req, res) => {
        res.writeHead(201, {
          'x-kept': 'yes',
          'x-hop': 'no',
          connection: 'x-hop',
          'set-cookie': ['a=1', 'b=2'],
        });
        res.end(JSON.stringify({ headers: req.headers, body: await text(req) }));
      }),
    ]);
    const client = request({
      ...{ port, host: '127.0.0.1', method: 'DELETE', path: '/x?y=1' },
      headers: {
        host: 'jobs.example',
        'x-hop': '1',
        connection: 'x-hop',
        'x-forwarded-for': '10.0.0.9',
        'transfer-encoding': 'chunked',
      },
    });
    client.write('in ');
    client.end('parts');
    const [response] = await once(client, 'response') as [IncomingMessage];
    assert.equal(response.statusCode, 201);
    assert.equal(response.headers['x-kept'], 'yes');
    assert.equal(response.headers['x-hop'], undefined);
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2']);
    const { headers, body } = JSON.parse(await text(response));
    assert.equal(body, 'in parts');
    assert.equal(headers['x-hop'], undefined);
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['x-forwarded-host'], 'jobs.example');
    assert.equal(headers.host, 'jobs.example');
  });
});
