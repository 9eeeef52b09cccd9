/** The product in a throw-away namespace of a cluster, as its users reach it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiServer } from '../../scripts/kube/apiServer.ts';
import { kubectlIn } from '../../scripts/kube/kubectl.ts';
import { writeOverlay } from '../../scripts/kube/overlay.ts';
import { isReady, listPods, MEMBERS, type Pod, REPLICAS } from '../../scripts/kube/pods.ts';

const LOOK_EVERY_MS = 100;
/** Images may have to be fetched. */
export const SETTLED_WITHIN_MS = 300_000;

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

  /** Everything of the kind overlay, but the node port. Resolves when the API server has taken it. */
  async apply(images: Readonly<Record<string, string>>): Promise<void> {
    const dir = await writeOverlay({ on: 'kind', images, namespace: this.namespace, withoutNodePort: true });
    await kubectlIn(this.namespace).run(['apply', '--kustomize', dir]);
  }

  async remove(): Promise<void> {
    await this.api.remove(`/api/v1/namespaces/${this.namespace}`);
  }

  /** Through the Service. Rejects when the answer is none, or no success. */
  async request<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await this.#answer<T>(path, init)).body;
  }

  /** One page of a list, and where the next one is. */
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

  /** As `kubectl rollout restart` does it. */
  async restart(kind: Kind): Promise<void> {
    const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() };
    const path = `/apis/apps/v1/namespaces/${this.namespace}/${kind}`;
    await this.api.patch(path, { spec: { template: { metadata: { annotations } } } });
  }

  /** Resolves when all pods are of the newest template, and ready. */
  async rolledOut(kind: Kind): Promise<void> {
    await until(`the roll-out of ${kind} does not end`, async () => {
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

  /** Resolves when everything is as it should be: all pods ready, one of the replicas leads, and has the label. */
  async settled(): Promise<Leader> {
    let why = '';
    let leader: Leader | null = null;
    await until(() => `it does not settle: ${why}`, async () => {
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

  /** Resolves when another one leads than did, with a newer term. */
  async succeeded({ term }: Leader): Promise<void> {
    await until('nobody takes over', async () => (await this.leader()).term > term);
  }

  /** Resolves when all that fell due by then, server time, is claimed or recorded. */
  async passes(throughMs: number): Promise<void> {
    const watermark = async () => Date.parse((await this.request<Cluster>('/cluster')).watermark);
    await until('the watermark does not catch up', async () => await watermark() > throughMs);
  }
}

/** Asks again and again; what is not answered counts as no. */
export async function until(otherwise: string | (() => string), look: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + SETTLED_WITHIN_MS;
  let trouble = '';
  const noted = (error: Error) => {
    trouble = ` (${error.message})`;
    return false;
  };
  while (!await look().catch(noted)) {
    if (performance.now() > deadlineMs) {
      const what = typeof otherwise === 'string' ? otherwise : otherwise();
      throw new Error(`${what}, after ${SETTLED_WITHIN_MS / 1000} s${trouble}`);
    }
    await delay(LOOK_EVERY_MS);
  }
}
