/** The `http` action on real processes: deliveries, their signatures, retries, and the targets that are refused. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { testMongo } from '../../harness/cluster/mongo.ts';
import { ProcessCluster } from '../../harness/cluster/replicas.ts';
import { eventually } from '../store/support.ts';

const mongo = await testMongo();
after(() => mongo.stop());

const BOUNDED = { timeout: 120_000 };
const KEY = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

interface Delivery {
  path: string;
  headers: Record<string, string>;
  body: string;
}

/** Answers with the statuses in turn, and the last one from then on. */
async function receiver(...statuses: number[]) {
  const got: Delivery[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    got.push({ path: request.url ?? '', headers: flat(request.headers), body });
    response.writeHead(statuses[Math.min(got.length, statuses.length) - 1] ?? 200, { 'retry-after': '0' });
    response.end('thanks');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { got, url: `http://127.0.0.1:${port}`, stop };
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

interface ApiRun {
  id: string;
  state: string;
  error: string | null;
  output: string | null;
  attempts: { number: number; state: string; error: string | null }[];
}

describe('the http action', { skip: mongo.skip }, () => {
  async function clusterOf(env: Record<string, string> = {}) {
    const settings = { MONGO_URI: mongo.uri, MONGO_DATABASE: mongo.database(), SECRET_KEY: KEY, ...env };
    const cluster = await ProcessCluster.ofThree(settings);
    const create = async (id: string, action: object, more: object = {}) => {
      const definition = { times: [new Date(Date.now() + 300).toISOString()] };
      const retry = { max_attempts: 3, initial_backoff: '50ms' };
      const body = { id, type: 'at_times', definition, policy: { retry }, action, ...more };
      const init = { method: 'POST', body: JSON.stringify(body) };
      const { status, body: answer } = await cluster.leader().json('/schedules', init);
      assert.equal(status, 201, JSON.stringify(answer));
    };
    /** The schedule's only run, once it has ended. */
    const endOf = (id: string) =>
      eventually(async () => {
        const { body } = await cluster.leader().json<ApiRun[]>(`/schedules/${id}/runs`);
        const [run] = body;
        return run && !['claimed', 'running', 'retrying'].includes(run.state) ? run : null;
      });
    return { cluster, create, endOf };
  }

  it('delivers each occurrence under one id, signed, again until it is taken', BOUNDED, async () => {
    const { cluster, create, endOf } = await clusterOf({ HTTP_ACTION_ALLOW: 'loopback' });
    const { got, url, stop } = await receiver(500, 429, 201);
    try {
      await create('hook', {
        type: 'http',
        url: `${url}/{{schedule.id}}`,
        body: { run: '{{run.id}}', attempt: '{{run.attempt}}' },
        signing: { secrets: ['KEY'] },
      });
      const run = await endOf('hook');
      assert.deepEqual([run.state, run.attempts.map(({ state }) => state)], [
        'succeeded',
        ['failed', 'failed', 'succeeded'],
      ]);
      assert.match(run.output ?? '', /^201 after \d+ ms\n\nthanks$/);
      assert.match(run.attempts[0]?.error ?? '', /^127\.0\.0\.1:\d+ answered 500\.$/);
      assert.deepEqual(got.map(({ headers }) => [headers['webhook-id'], headers['x-hascheduler-attempt']]), [
        [run.id, '1'],
        [run.id, '2'],
        [run.id, '3'],
      ]);
      for (const { path, headers, body } of got) {
        assert.equal(path, '/hook');
        const attempt = headers['x-hascheduler-attempt'];
        assert.deepEqual(new Webhook(KEY).verify(body, headers), { run: run.id, attempt });
      }
    } finally {
      await Promise.all([cluster.stop(), stop()]);
    }
  });

  it('gives up at once on an answer that no repetition changes, and pauses for a 410', BOUNDED, async () => {
    const { cluster, create, endOf } = await clusterOf({ HTTP_ACTION_ALLOW: 'loopback' });
    const [bad, gone] = [await receiver(422), await receiver(410)];
    try {
      await create('bad', { type: 'http', url: bad.url });
      await create('gone', { type: 'http', url: gone.url });
      assert.equal((await endOf('bad')).state, 'failed');
      assert.equal((await endOf('gone')).state, 'failed');
      assert.deepEqual([bad.got.length, gone.got.length], [1, 1]);
      const paused = await eventually(async () => {
        const { body } = await cluster.leader().json<{ paused: boolean; pause_reason: string }>(
          '/schedules/gone',
        );
        return body.paused ? body : null;
      });
      assert.match(paused.pause_reason, /answered 410/);
    } finally {
      await Promise.all([cluster.stop(), bad.stop(), gone.stop()]);
    }
  });

  it(
    'reaches nothing on this machine unless it is allowed to, and says what is missing',
    BOUNDED,
    async () => {
      const { cluster, create, endOf } = await clusterOf();
      const { got, url, stop } = await receiver(200);
      const port = new URL(url).port;
      try {
        for (
          const [index, host] of ['127.0.0.1', 'localhost', '2130706433', '[::ffff:127.0.0.1]'].entries()
        ) {
          await create(`local-${index}`, { type: 'http', url: `http://${host}:${port}/` });
          const run = await endOf(`local-${index}`);
          assert.deepEqual([run.state, run.attempts.length], ['failed', 1], host);
          assert.match(run.error ?? '', /loopback.*HTTP_ACTION_ALLOW/, host);
        }
        await create('secret', { type: 'http', url, signing: { secrets: ['NONE'] } });
        assert.match((await endOf('secret')).error ?? '', /^The secret NONE was not found/);
        assert.deepEqual(got, []);
      } finally {
        await Promise.all([cluster.stop(), stop()]);
      }
    },
  );
});
