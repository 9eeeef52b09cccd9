/** Replicas as they are, each with its pod, and one Kubernetes API. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ElectionNews } from '../../../src/actors/leadership/electionEvents.ts';
import { kubernetesNews } from '../../../src/infra/kubernetes/news.ts';
import { SimCluster } from '../../support/simCluster.ts';
import { FakeKubernetes, replicaIn } from './fake.ts';

describe('a replica in a cluster', () => {
  it('tells Kubernetes of each leadership that begins or ends, and of nothing that does not', async () => {
    const cluster = await SimCluster.ofThree();
    const api = new FakeKubernetes();
    const { deps } = replicaIn(api);
    const old = cluster.leader();
    const stopped = old.stop();
    await cluster.clock.advance(1000);
    await stopped;
    const next = cluster.leader();
    for (const each of [old, next]) {
      api.add(each.id);
      await told(each.id, cluster.newsOf(each.id), api, deps);
    }
    assert.deepEqual(api.events.map(({ name, reason }) => [name, reason]), [
      [`${old.id}.term-1-began`, 'LeadershipAcquired'],
      [`${old.id}.term-1-ended`, 'LeadershipReleased'],
      [`${next.id}.term-2-began`, 'LeadershipAcquired'],
    ]);
    assert.deepEqual(api.labelled, [[next.id, '2']]);
    const follower = cluster.replicas.find((each) => each !== old && each !== next);
    assert.ok(follower);
    assert.ok(cluster.newsOf(follower.id).every(({ type }) => type === 'ELECTION.ROLE'));
  });
});

async function told(
  id: string,
  news: readonly ElectionNews[],
  api: FakeKubernetes,
  deps: ReturnType<typeof replicaIn>['deps'],
): Promise<void> {
  const kubernetes = kubernetesNews(() => Promise.resolve(api), { ...deps, podName: id });
  for (const each of news) kubernetes.publish(each);
  await kubernetes.close(1000);
}
