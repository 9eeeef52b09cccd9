/** What goes over the wire, and what becomes of the answers. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import {
  inCluster,
  type KubernetesApi,
  kubernetesApi,
  KubernetesRefusal,
} from '../../../src/infra/kubernetes/api.ts';

const POD = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'a',
    uid: 'uid-a',
    resourceVersion: '17',
    labels: { x: 'y' },
    creationTimestamp: '2030-01-01T00:00:00Z',
  },
  status: { phase: 'Running' },
};
const SEEN = { name: 'a', uid: 'uid-a', resourceVersion: '17', labels: { x: 'y' }, annotations: {} };

let server: Server;
let api: KubernetesApi;
let asked: { method: string; url: string; type: string; body: string };
let answer: { status: number; body: unknown } | 'nothing';

beforeEach(async () => {
  server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    asked = { method, url, type: headers['content-type'] ?? '', body: await text(request) };
    if (answer === 'nothing') return;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(
      JSON.stringify(answer.body),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const config = new KubeConfig();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  config.loadFromClusterAndUser({ name: 'c', server: url, skipTLSVerify: true }, { name: 'u' });
  api = await kubernetesApi(config, 'here', 500);
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

describe('the client of the Kubernetes API', () => {
  it('reads a pod, and lists those with a label', async () => {
    answer = { status: 200, body: POD };
    assert.deepEqual(await api.pod('a'), SEEN);
    assert.deepEqual([asked.method, asked.url], ['GET', '/api/v1/namespaces/here/pods/a']);
    answer = { status: 200, body: { apiVersion: 'v1', kind: 'PodList', metadata: {}, items: [POD] } };
    assert.deepEqual(await api.pods('x=y,z=1'), [SEEN]);
    assert.equal(asked.url, '/api/v1/namespaces/here/pods?labelSelector=x%3Dy%2Cz%3D1');
  });

  it('changes a pod by a merge patch, in which null takes a value away', async () => {
    answer = { status: 200, body: POD };
    await api.patchPod('a', { labels: { x: null }, annotations: { t: '1' }, resourceVersion: '17' });
    assert.deepEqual([asked.method, asked.type], ['PATCH', 'application/merge-patch+json']);
    assert.deepEqual(JSON.parse(asked.body), {
      metadata: { labels: { x: null }, annotations: { t: '1' }, resourceVersion: '17' },
    });
  });

  it('makes an Event of the pod', async () => {
    answer = { status: 201, body: {} };
    const atMs = Date.UTC(2030, 0, 1, 0, 0, 0, 123);
    const said = { type: 'Normal', reason: 'LeadershipAcquired', action: 'Lead', note: 'a leads' } as const;
    await api.createEvent({ name: 'a.term-1-began', pod: SEEN, atMs, ...said });
    assert.deepEqual([asked.method, asked.url], ['POST', '/apis/events.k8s.io/v1/namespaces/here/events']);
    assert.deepEqual(JSON.parse(asked.body), {
      ...said,
      metadata: { name: 'a.term-1-began', namespace: 'here' },
      eventTime: '2030-01-01T00:00:00.123000Z',
      reportingController: 'hascheduler.dev/replica',
      reportingInstance: 'a',
      regarding: { apiVersion: 'v1', kind: 'Pod', namespace: 'here', name: 'a', uid: 'uid-a' },
    });
  });

  it('tells a refusal, with what the API server said', async () => {
    const message = 'pods "a" is forbidden: User "b" cannot patch resource "pods"';
    answer = { status: 403, body: { kind: 'Status', status: 'Failure', message, code: 403 } };
    await assert.rejects(api.pod('a'), (error) => {
      assert.ok(error instanceof KubernetesRefusal);
      assert.deepEqual([error.status, error.isForbidden, error.message], [403, true, message]);
      return true;
    });
    answer = { status: 409, body: { kind: 'Status', message: 'the object has been modified' } };
    await assert.rejects(api.pod('a'), { status: 409, isForbidden: false });
  });

  it('gives up on an answer that does not come', async () => {
    answer = 'nothing';
    await assert.rejects(api.pod('a'), (error) => !(error instanceof KubernetesRefusal));
  });
});

describe('in a cluster', () => {
  it('is what the environment says, and a service account’s token', async () => {
    assert.equal(await inCluster({}), null);
    // Here there is no token.
    assert.equal(await inCluster({ KUBERNETES_SERVICE_HOST: '10.96.0.1' }), null);
  });
});
