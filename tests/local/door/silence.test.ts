import { afterEach, describe, it } from 'node:test';
import assert from 'node:assert/strict';
import type { RequestListener, ServerResponse } from 'node:http';
import { type Backend, closeAll, problemOf, startBackend, startDoor, textOf } from './backend.ts';

afterEach(closeAll);

describe('the front door before a replica that freezes', () => {
  const quick = { probeTimeoutMs: 300 };
  /** A backend that freezes at its first request. */
  const freezing = async (id: string, onRequest: RequestListener = () => {}): Promise<Backend> => {
    const backend = await startBackend(id, (req, res) => {
      backend.frozen = true;
      onRequest(req, res);
    });
    return backend;
  };

  for (const method of ['GET', 'HEAD']) {
    it(`sends a waiting ${method} to another one`, async () => {
      const [a, b] = [await freezing('a'), await startBackend('b')];
      const { url } = await startDoor([b, a], quick);
      const response = await fetch(`${url}/x`, { method });
      assert.equal(response.status, 200);
      assert.equal(await response.text(), method === 'GET' ? 'b' : '');
      assert.deepEqual([a.received, b.received], [[`${method} /x`], [`${method} /x`]]);
    });
  }

  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    it(`does not resend a ${method}, and answers 503: its outcome is unknown`, async () => {
      const [a, b] = [await freezing('a'), await startBackend('b')];
      const { url } = await startDoor([b, a], quick);
      const body = method === 'DELETE' ? undefined : 'x'.repeat(300_000);
      const response = await fetch(url, { method, ...(body && { body }) });
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '1');
      assert.equal(
        (await problemOf(response)).detail,
        'a does not answer. Whether it acted on the request is unknown.',
      );
      assert.deepEqual([a.received, b.received], [[`${method} /`], []]);
    });
  }

  it('answers 503 to a GET when the others freeze too, after two attempts at most', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((id) => freezing(id)));
    const { url } = await startDoor(all, quick);
    const response = await fetch(url);
    assert.equal(response.status, 503);
    assert.match((await problemOf(response)).detail, /does not answer\. Try again/);
    assert.equal(all.flatMap(({ received }) => received).length, 2);
  });

  it('waits for the answer to a write when the replica is only slow', async () => {
    let answer: ServerResponse | undefined;
    const a = await freezing('a', (_req, res) => answer = res);
    const { url, becomes } = await startDoor([a], quick);
    const response = fetch(url, { method: 'POST', body: 'x' });
    await becomes([]);
    a.frozen = false;
    await becomes(['a']);
    answer!.end('late');
    assert.equal(await (await response).text(), 'late');
  });

  it('cuts off a stream without further data', async () => {
    const a = await freezing('a', (_req, res) => void res.writeHead(200).write('data: 1\n\n'));
    const { url } = await startDoor([a], quick);
    await assert.rejects(textOf(url));
  });

  it('keeps a stream with further data, although the probes fail', async () => {
    let stream: ServerResponse | undefined;
    const a = await freezing('a', (_req, res) => {
      stream = res.writeHead(200);
      stream.write('.');
      const timer = setInterval(() => stream!.write('.'), 5);
      res.once('close', () => clearInterval(timer));
    });
    const { url } = await startDoor([a], quick);
    const response = await fetch(url);
    await a.probed(6);
    stream!.end('the end');
    assert.match(await response.text(), /^\.+the end$/);
  });

  it('keeps requests to a replica that answers its probes with not ready', async () => {
    let arrive = (_answer: ServerResponse) => {};
    const arrived = new Promise<ServerResponse>((resolve) => arrive = resolve);
    const [a, b] = [await startBackend('a', (_req, res) => arrive(res)), await startBackend('b')];
    const { url, becomes } = await startDoor([b, a], quick);
    const read = fetch(url);
    await arrived;
    a.ready = false;
    await becomes(['b']);
    await a.probed(4);
    (await arrived).end('drained');
    assert.equal(await (await read).text(), 'drained');
  });
});
