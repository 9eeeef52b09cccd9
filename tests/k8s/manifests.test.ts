/** The manifests as files: Pod Security, and the settings that the product depends on. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadAllYaml } from '@kubernetes/client-node';
import { parseDuration } from '../../src/domain/timing/duration.ts';
import { readConfig } from '../../src/infra/config.ts';
import { PROJECT_DIR } from '../../src/local/runtime.ts';

// deno-lint-ignore no-explicit-any
type Yaml = any;

const DIR = join(PROJECT_DIR, 'k8s');
/** The last writes to the store, and the last answers to clients: see src/actors/replica.ts, src/http/server/server.ts. */
const LAST_WRITES_AND_ANSWERS_S = 6 + 5;

/** Plain objects instead of the Kubernetes client's classes. */
const plain = (doc: Yaml): Yaml => JSON.parse(JSON.stringify(doc));

const documents = readdirSync(DIR, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml')
)
  .flatMap((file): { file: string; doc: Yaml }[] =>
    loadAllYaml(readFileSync(join(DIR, file), 'utf8')).map((doc) => ({ file, doc: plain(doc) }))
  );

const find = (file: string, kind: string): Yaml =>
  documents.find((one) => one.file === join(...file.split('/')) && one.doc.kind === kind)?.doc;

const deployment = find('base/deployment.yaml', 'Deployment');
const pod = deployment.spec.template.spec;
const [replica] = pod.containers;
const kindPatch = find('overlays/kind/replica.yaml', 'Deployment').spec.template.spec;
const members = find('overlays/kind/mongo.yaml', 'StatefulSet').spec.template.spec;

describe('the manifests', () => {
  it('meet the restricted Pod Security level, and more', () => {
    for (const spec of [pod, members]) {
      assert.equal(spec.securityContext.runAsNonRoot, true);
      assert.ok(spec.securityContext.runAsUser > 0 && spec.securityContext.runAsGroup > 0);
      assert.equal(spec.securityContext.seccompProfile.type, 'RuntimeDefault');
      assert.equal(spec.enableServiceLinks, false);
    }
    for (const container of [...pod.containers, ...kindPatch.initContainers, ...members.containers]) {
      assert.deepEqual(container.securityContext, {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const { requests, limits } = container.resources;
      assert.ok(requests.cpu && requests.memory && limits.memory, container.name);
      assert.equal(limits.cpu, undefined, 'a leader that is throttled can’t renew its lease in time');
    }
    const { labels } = find('base/namespace.yaml', 'Namespace').metadata;
    assert.equal(labels['pod-security.kubernetes.io/enforce'], 'restricted');
  });

  it('run the replica with the uid of the image', () => {
    const users = [...readFileSync(join(PROJECT_DIR, 'Dockerfile'), 'utf8').matchAll(/^USER (.+)$/gm)];
    const { runAsUser, runAsGroup } = pod.securityContext;
    assert.deepEqual(users.map(([, user]) => user), [
      `${runAsUser}:${runAsGroup}`,
      `${runAsUser}:${runAsGroup}`,
    ]);
  });

  it('give the replica a valid environment', () => {
    const values: Record<string, string> = {
      'metadata.name': 'hascheduler-5d4f-x7',
      'status.podIP': '10.0.0.7',
    };
    const env: Record<string, string> = {};
    for (const { name, value, valueFrom } of [...replica.env, ...kindPatch.containers[0].env]) {
      env[name] = (value ?? values[valueFrom.fieldRef.fieldPath]).replace('$(POD_IP)', '10.0.0.7');
    }
    const read = readConfig(env, 'not asked for');
    assert.ok('config' in read, JSON.stringify(read));
    assert.equal(read.config.replica, 'hascheduler-5d4f-x7');
    assert.equal(read.config.address, 'http://10.0.0.7:8080');
    assert.equal(read.config.hostIsDefault, false);
    assert.equal(read.config.port, replica.ports[0].containerPort);
  });

  it('leave the replica enough time to stop', () => {
    const grace = replica.env.find(({ name }: Yaml) => name === 'GRACE_PERIOD').value;
    const neededS = replica.lifecycle.preStop.sleep.seconds + parseDuration(grace) / 1000 +
      LAST_WRITES_AND_ANSWERS_S;
    assert.ok(
      pod.terminationGracePeriodSeconds > neededS,
      `${pod.terminationGracePeriodSeconds} s ≤ ${neededS} s`,
    );
  });

  it('grant only the permissions that are used', () => {
    assert.deepEqual(find('base/access.yaml', 'Role').rules, [
      { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'patch'] },
      { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] },
    ]);
    assert.equal(pod.automountServiceAccountToken, true);
    assert.equal(members.automountServiceAccountToken, false);
  });

  it('keep a majority during drains and rollouts', () => {
    for (const file of ['base/disruption.yaml', 'overlays/kind/mongo.yaml']) {
      assert.equal(find(file, 'PodDisruptionBudget').spec.maxUnavailable, 1);
    }
    assert.equal(deployment.spec.replicas, 3);
    assert.deepEqual(deployment.spec.strategy.rollingUpdate, { maxSurge: 1, maxUnavailable: 0 });
    const patch = find('overlays/production/replica.yaml', 'Deployment').spec;
    const required =
      patch.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    assert.equal(required.length, 1);
    // With one replica per node, a fourth could not be scheduled on three nodes, and the rollout would not end.
    assert.deepEqual(patch.strategy.rollingUpdate, { maxSurge: 0, maxUnavailable: 1 });
  });

  it('select the right pods', () => {
    const labels = {
      ...deployment.spec.template.metadata.labels,
      ...find('base/kustomization.yaml', 'Kustomization').labels[0].pairs,
    };
    const selectors = documents.flatMap(({ file, doc }) => {
      const { selector, podSelector } = doc.spec ?? {};
      const wanted = podSelector?.matchLabels ?? selector?.matchLabels ?? selector;
      return wanted ? [{ file, kind: doc.kind, wanted }] : [];
    });
    assert.ok(selectors.length >= 8);
    for (const { file, kind, wanted } of selectors) {
      const name = wanted['app.kubernetes.io/name'];
      const own = name === 'mongo' ? { 'app.kubernetes.io/name': 'mongo' } : labels;
      for (const [key, value] of Object.entries(wanted)) {
        assert.equal(own[key], value, `${kind} in ${file}: ${key}`);
      }
    }
  });

  it('expose the node port that the kind cluster maps to localhost:8080', () => {
    const cluster = find('overlays/kind/cluster.yaml', 'Cluster');
    const [mapping] = cluster.nodes[0].extraPortMappings;
    const [port] = find('overlays/kind/node-port.yaml', 'Service').spec.ports;
    assert.deepEqual([mapping.containerPort, mapping.hostPort], [port.nodePort, 8080]);
    assert.deepEqual(cluster.nodes.map(({ role }: Yaml) => role), [
      'control-plane',
      'worker',
      'worker',
      'worker',
    ]);
  });
});
