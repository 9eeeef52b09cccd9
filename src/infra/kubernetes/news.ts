/**
 * Publishes the leader to Kubernetes: a label on its pod, and Events. Does nothing outside a
 * cluster or without the permission. The election never waits for it, and its failures never reach
 * the replica.
 */
import type { ElectionNews } from '../../actors/leadership/electionEvents.ts';
import type { Clock, Logger } from '../../actors/shared/environment.ts';
import { within } from '../../actors/shared/wait.ts';
import type { KubernetesApi } from './api.ts';
import { LeaderLabel } from './leaderLabel.ts';
import { LeadershipEvents } from './leadershipEvents.ts';

export interface KubernetesDeps {
  api: KubernetesApi;
  /** This replica's own pod. */
  podName: string;
  clock: Clock;
  logger: Logger;
}

export interface KubernetesNews {
  publish(news: ElectionNews): void;
  /** Resolves when everything is published, or after `limitMs`: the last Event is that of the release. */
  close(limitMs: number): Promise<void>;
}

/** News from before `connect` resolves, with the API client, are published afterwards. */
export function kubernetesNews(
  connect: () => Promise<KubernetesApi | null>,
  { podName, clock, logger }: Omit<KubernetesDeps, 'api'>,
): KubernetesNews {
  const publishers = connect().then((api) => {
    if (api === null) return null;
    const deps = { api, podName, clock, logger };
    const label = new LeaderLabel(deps);
    // An earlier process of the same pod may have been killed while it led.
    label.show(null);
    return { label, events: new LeadershipEvents(deps) };
  }).catch((error) => {
    logger.warn('the Kubernetes API can’t be used; the replica works without it', { error });
    return null;
  });
  return {
    publish: (news) =>
      void publishers.then((active) => {
        if (news.type === 'ELECTION.BEGAN') active?.label.show(news.acquisition.lease.term);
        if (news.type === 'ELECTION.ENDED') active?.label.show(null);
        active?.events.publish(news);
      }),
    async close(limitMs) {
      const idle = publishers.then((active) => Promise.all([active?.label.idle(), active?.events.idle()]));
      await within(clock, limitMs, idle);
    },
  };
}
