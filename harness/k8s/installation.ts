/** The product in a temporary namespace of a cluster, reached through its Service. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiServer } from '../../scripts/kube/apiServer.ts';
import { kubectlIn } from '../../scripts/kube/kubectl.ts';
import { writeOverlay } from '../../scripts/kube/overlay.ts';
import { isReady, listPods, MEMBERS, type Pod, REPLICAS } from '../../scripts/kube/pods.ts';

const POLL_EVERY_MS = 100;
/** The cluster may have to pull images. */
export const SETTLE_LIMIT_MS = 300_000;

const ROLE = 'hascheduler.dev/role';

export interface Leader {
  replica: string;
  term: number;
}

export interface Cluster {
  term: number;
  watermark: string;
  replicas: { id: string; role: string }[];
}

interface Workload {
  metadata: { generation: number };
  spec: { replicas: number };
  status: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
  };
}

export type Kind = 'deployments/hascheduler' | 'statefulsets/mongo';

export class Installation {
  readonly api: ApiServer;
  readonly namespace: string;

  constructor(api: ApiServer, namespace: string) {
    this.api = api;
    this.namespace = namespace;
  }

  /** Applies the kind overlay, without the node port. Resolves when the API server has accepted it. */
  async apply(images: Readonly<Record<string, string>>): Promise<void> {
    const dir = await writeOverlay({ on: 'kind', images, namespace: this.namespace, withoutNodePort: true });
    await kubectlIn(this.namespace).run(['apply', '--kustomize', dir]);
  }

  async remove(): Promise<void> {
    await this.api.remove(`/api/v1/namespaces/${this.namespace}`);
  }

  /** Through the Service. Rejects when there is no answer, or not a 2xx. */
  async request<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await this.#answer<T>(path, init)).body;
  }

  /** One page of a list, and the path of the next one. */
  async page<T>(path: string): Promise<{ items: T[]; nextPath: string | null }> {
    const { body, headers } = await this.#answer<T[]>(path, {});
    return { items: body, nextPath: /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null };
  }

  async #answer<T>(path: string, init: RequestInit): Promise<{ body: T; headers: Headers }> {
    const service = `/api/v1/namespaces/${this.namespace}/services/hascheduler:http/proxy`;
    const response = await fetch(`${this.api.url}${service}${path}`, {
      signal: AbortSignal.timeout(10_000),
      ...init,
    });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${text.slice(0, 300)}`);
    }
    return { body: JSON.parse(text) as T, headers: response.headers };
  }

  replicas(): Promise<Pod[]> {
    return listPods(this.api, this.namespace, REPLICAS);
  }

  members(): Promise<Pod[]> {
    return listPods(this.api, this.namespace, MEMBERS);
  }

  leader(): Promise<Leader> {
    return this.request<Leader>('/leader');
  }

  workload(kind: Kind): Promise<Workload> {
    return this.api.get(`/apis/apps/v1/namespaces/${this.namespace}/${kind}`);
  }

  /** Like `kubectl rollout restart`. */
  async restart(kind: Kind): Promise<void> {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
    const path = `/apis/apps/v1/namespaces/${this.namespace}/${kind}`;
    await this.api.patch(path, { spec: { template: { metadata: { annotations } } } });
  }

  /** Resolves when all pods have the newest template and are ready. */
  async rolledOut(kind: Kind): Promise<void> {
    await until(`the rollout of ${kind} is not complete`, async () => {
      const { metadata, spec, status } = await this.workload(kind);
      const counts = [
        status.replicas,
        status.updatedReplicas,
        status.readyReplicas,
        status.availableReplicas,
      ];
      return status.observedGeneration === metadata.generation && counts.every((n) => n === spec.replicas);
    });
  }

  /** Resolves when all pods are ready, and one replica leads and has the label. */
  async settled(): Promise<Leader> {
    let why = '';
    let leader: Leader | null = null;
    await until(() => `the installation is not settled: ${why}`, async () => {
      const [replicas, members] = await Promise.all([this.replicas(), this.members()]);
      why = `pods: ${[...replicas, ...members].map(({ metadata }) => metadata.name).join(', ')}`;
      if (![replicas, members].every((pods) => pods.length === 3 && pods.every(isReady))) return false;
      const cluster = await this.request<Cluster>('/cluster');
      why = JSON.stringify(cluster);
      const known = replicas.every(({ metadata: { name } }) =>
        cluster.replicas.some(({ id }) => id === name)
      );
      if (!known) return false;
      leader = await this.leader();
      const labelled = replicas.filter(({ metadata }) => metadata.labels?.[ROLE] === 'leader');
      why = `${leader.replica} leads, labelled: ${labelled.map(({ metadata }) => metadata.name).join(', ')}`;
      return labelled.length === 1 && labelled[0]?.metadata.name === leader.replica;
    });
    return leader as unknown as Leader;
  }

  /** Resolves when a newer term than this leader's has begun. */
  async takenOver({ term }: Leader): Promise<void> {
    await until('no replica takes over', async () => (await this.leader()).term > term);
  }

  /** Resolves when everything due by `throughMs` (server's clock) is settled. */
  async passes(throughMs: number): Promise<void> {
    const watermark = async () => Date.parse((await this.request<Cluster>('/cluster')).watermark);
    await until('the watermark does not catch up', async () => await watermark() > throughMs);
  }
}

/** Polls the condition; a rejection counts as false. Rejects with the problem after 300 s. */
export async function until(
  problem: string | (() => string),
  condition: () => Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + SETTLE_LIMIT_MS;
  let lastError = '';
  const noted = (error: Error) => {
    lastError = ` (${error.message})`;
    return false;
  };
  while (!await condition().catch(noted)) {
    if (performance.now() > deadlineMs) {
      const what = typeof problem === 'string' ? problem : problem();
      throw new Error(`${what}, after ${SETTLE_LIMIT_MS / 1000} s${lastError}`);
    }
    await delay(POLL_EVERY_MS);
  }
}
