/** The part of the Kubernetes API that the product uses. */
import { readFile } from 'node:fs/promises';
import type { ConfigurationOptions, KubeConfig, ObservableMiddleware, V1Pod } from '@kubernetes/client-node';

/** Timeout of a request. */
const ANSWER_LIMIT_MS = 5_000;

const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface Pod {
  name: string;
  uid: string;
  resourceVersion: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
}

/** Changes of a pod; null removes a value. With a `resourceVersion`, only if the pod still has it. */
export interface PodPatch {
  labels: Record<string, string | null>;
  annotations: Record<string, string | null>;
  resourceVersion?: string;
}

export interface PodEvent {
  /** Of the Event itself: a second one of the same name is refused with a conflict. */
  name: string;
  pod: Pod;
  atMs: number;
  type: 'Normal' | 'Warning';
  /** CamelCase, for programs. */
  reason: string;
  action: string;
  /** A sentence, for people. */
  note: string;
}

/** Scoped to one namespace. Rejects with `KubernetesRefusal`, or with the network's error. */
export interface KubernetesApi {
  pod(name: string): Promise<Pod>;
  /** `selector` in kubectl's syntax: `a=b,c=d`. */
  pods(selector: string): Promise<Pod[]>;
  patchPod(name: string, patch: PodPatch): Promise<void>;
  createEvent(event: PodEvent): Promise<void>;
}

/** The API server answered with an error status. */
export class KubernetesRefusal extends Error {
  override name = 'KubernetesRefusal';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }

  get isForbidden(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/** Null outside a cluster, and for a pod without a service account token. */
export async function inCluster(env: Record<string, string | undefined>): Promise<KubernetesApi | null> {
  if (!env.KUBERNETES_SERVICE_HOST) return null;
  const namespace = await readFile(`${SERVICE_ACCOUNT_DIR}/namespace`, 'utf8').catch(() => null);
  if (namespace === null) return null;
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromCluster();
  return await kubernetesApi(config, namespace.trim());
}

/** Scoped to the namespace. Requests time out after `limitMs`. */
export async function kubernetesApi(
  config: KubeConfig,
  namespace: string,
  limitMs = ANSWER_LIMIT_MS,
): Promise<KubernetesApi> {
  // Loaded on demand: the module is large.
  const { CoreV1Api, EventsV1Api, Observable, PatchStrategy, V1MicroTime } = await import(
    '@kubernetes/client-node'
  );
  const core = config.makeApiClient(CoreV1Api);
  const events = config.makeApiClient(EventsV1Api);
  const options = (headers: Record<string, string> = {}): ConfigurationOptions<ObservableMiddleware> => ({
    middlewareMergeStrategy: 'append',
    middleware: [{
      pre(request) {
        for (const [name, value] of Object.entries(headers)) request.setHeaderParam(name, value);
        request.setSignal(AbortSignal.timeout(limitMs));
        return new Observable(Promise.resolve(request));
      },
      post: (response) => new Observable(Promise.resolve(response)),
    }],
  });
  return {
    pod: (name) =>
      kubernetesCall(async () => toPod(await core.readNamespacedPod({ name, namespace }, options()))),
    pods: (labelSelector) =>
      kubernetesCall(async () => {
        const { items } = await core.listNamespacedPod({ namespace, labelSelector }, options());
        return items.map(toPod);
      }),
    patchPod: (name, metadata) =>
      kubernetesCall(async () => {
        const merge = options({ 'Content-Type': PatchStrategy.MergePatch });
        await core.patchNamespacedPod({ name, namespace, body: { metadata } }, merge);
      }),
    createEvent: ({ name, pod, atMs, ...said }) =>
      kubernetesCall(async () => {
        const body = {
          ...said,
          metadata: { name, namespace },
          eventTime: new V1MicroTime(atMs),
          reportingController: 'hascheduler.dev/replica',
          reportingInstance: pod.name,
          regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name: pod.name, uid: pod.uid },
        };
        await events.createNamespacedEvent({ namespace, body }, options());
      }),
  };
}

function toPod({ metadata }: V1Pod): Pod {
  const { name = '', uid = '', resourceVersion = '', labels = {}, annotations = {} } = metadata ?? {};
  return { name, uid, resourceVersion, labels, annotations };
}

async function kubernetesCall<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { code, body } = error as { code?: unknown; body?: unknown };
    if (typeof code !== 'number') throw error;
    throw new KubernetesRefusal(code, sentenceOf(body) ?? `the API server answered ${code}`);
  }
}

/** The API server explains errors in a Status object, which the client leaves as text. */
function sentenceOf(body: unknown): string | undefined {
  try {
    const status = typeof body === 'string' ? JSON.parse(body) : body;
    return typeof status?.message === 'string' ? status.message : undefined;
  } catch {
    return undefined;
  }
}
