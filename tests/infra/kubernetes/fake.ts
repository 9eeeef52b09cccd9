/** The Kubernetes API in memory, as far as the product asks for it; it fails when the test says so. */
import {
  type KubernetesApi,
  KubernetesRefusal,
  type Pod,
  type PodEvent,
  type PodPatch,
} from '../../../src/infra/kubernetes/api.ts';
import type { KubernetesDeps } from '../../../src/infra/kubernetes/news.ts';
import { SimClock } from '../../../harness/sim/clock.ts';

export const ME = 'hascheduler-a';
const LABELS = { 'app.kubernetes.io/name': 'hascheduler' };

export class FakeKubernetes implements KubernetesApi {
  readonly #pods = new Map<string, Pod>();
  readonly events: PodEvent[] = [];
  readonly calls: string[] = [];
  /** Asked before each call, with its name; throws what the call is to fail with. */
  before: (call: string) => void | Promise<void> = () => {};
  #version = 0;

  add(name: string, labels: Record<string, string> = {}, annotations: Record<string, string> = {}): void {
    const resourceVersion = `${++this.#version}`;
    this.#pods.set(name, {
      name,
      uid: `uid-${name}`,
      resourceVersion,
      labels: { ...LABELS, ...labels },
      annotations,
    });
  }

  /** Name and term of every pod that has the label. */
  get labelled(): [string, string | undefined][] {
    return [...this.#pods.values()].filter(({ labels }) => labels['hascheduler.dev/role'] === 'leader')
      .map(({ name, annotations }) => [name, annotations['hascheduler.dev/term']]);
  }

  async pod(name: string): Promise<Pod> {
    await this.#called(`get ${name}`);
    return this.#existing(name);
  }

  async pods(selector: string): Promise<Pod[]> {
    await this.#called(`list ${selector}`);
    const wanted = selector.split(',').map((term) => term.split('=') as [string, string]);
    return [...this.#pods.values()].filter(({ labels }) =>
      wanted.every(([key, value]) => labels[key] === value)
    );
  }

  async patchPod(name: string, { labels, annotations, resourceVersion }: PodPatch): Promise<void> {
    await this.#called(`patch ${name}`);
    const pod = this.#existing(name);
    if (resourceVersion && resourceVersion !== pod.resourceVersion) {
      throw new KubernetesRefusal(409, 'the object has been modified');
    }
    this.#pods.set(name, {
      ...pod,
      resourceVersion: `${++this.#version}`,
      labels: merged(pod.labels, labels),
      annotations: merged(pod.annotations, annotations),
    });
  }

  async createEvent(event: PodEvent): Promise<void> {
    await this.#called(`event ${event.name}`);
    if (this.events.some(({ name }) => name === event.name)) {
      throw new KubernetesRefusal(409, 'already exists');
    }
    this.events.push(event);
  }

  #existing(name: string): Pod {
    const pod = this.#pods.get(name);
    if (pod === undefined) throw new KubernetesRefusal(404, `pods "${name}" not found`);
    return pod;
  }

  async #called(call: string): Promise<void> {
    this.calls.push(call);
    await this.before(call);
  }
}

/** Merge patches take away what is null. */
function merged(
  before: Readonly<Record<string, string>>,
  patch: Record<string, string | null>,
): Record<string, string> {
  const entries = Object.entries({ ...before, ...patch });
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null));
}

/** A replica's side: its pod exists. `lines` is what it logs. */
export function replicaIn(api: FakeKubernetes) {
  const clock = new SimClock();
  const lines: string[] = [];
  const log = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const deps: KubernetesDeps = { api, podName: ME, clock, logger };
  api.add(ME);
  return { deps, clock, lines };
}

export const refused = (status: number) => () => {
  throw new KubernetesRefusal(status, 'no');
};
