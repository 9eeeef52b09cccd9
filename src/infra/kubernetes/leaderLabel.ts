/**
 * Keeps the label of the leader's pod up to date: for people, and for Services that select the
 * leader. It trails the election, may be wrong for a while, and no guarantee depends on it.
 *
 * A leader labels its own pod, annotates it with its term, and removes the label from every pod
 * with an older term: that of a leader that was killed or partitioned. A replica that no longer
 * leads removes it from its own pod.
 */
import { type KubernetesApi, KubernetesRefusal, type Pod } from './api.ts';
import { retried } from './retried.ts';
import type { KubernetesDeps } from './news.ts';

const ROLE = 'hascheduler.dev/role';
const TERM = 'hascheduler.dev/term';

/** Labels that distinguish installations in one namespace. */
const INSTALLATION = ['app.kubernetes.io/name', 'app.kubernetes.io/instance'];

const CONFLICT = 409;
const NOT_FOUND = 404;

export class LeaderLabel {
  readonly #deps: KubernetesDeps;
  #leadingTerm: number | null = null;
  /** Number of calls of `show`: an update that it outruns is repeated. */
  #version = 0;
  #isForbidden = false;
  #updating: Promise<void> | null = null;

  constructor(deps: KubernetesDeps) {
    this.#deps = deps;
  }

  /** `term` is the one under which this replica leads, null when it does not. The latest call wins. */
  show(term: number | null): void {
    this.#leadingTerm = term;
    this.#version++;
    if (!this.#isForbidden) this.#updating ??= this.#update().finally(() => this.#updating = null);
  }

  /** Resolves when no update is pending. */
  async idle(): Promise<void> {
    await this.#updating;
  }

  async #update(): Promise<void> {
    for (let shown = -1; shown !== this.#version && !this.#isForbidden;) {
      shown = this.#version;
      const goOn = () => this.#version === shown;
      const call = () => label(this.#deps, this.#leadingTerm);
      const result = await retried("label the leader's pod", call, { ...this.#deps, goOn });
      if (result === 'forbidden') this.#isForbidden = true;
    }
  }
}

async function label({ api, podName }: KubernetesDeps, term: number | null): Promise<void> {
  const own = await api.pod(podName);
  if (term === null) {
    if (isLabelled(own)) await clear(api, own);
    return;
  }
  await api.patchPod(podName, { labels: { [ROLE]: 'leader' }, annotations: { [TERM]: `${term}` } });
  const installation = INSTALLATION.filter((key) => own.labels[key]).map((key) =>
    `${key}=${own.labels[key]}`
  );
  const labelled = await api.pods([`${ROLE}=leader`, ...installation].join(','));
  const outdated = labelled.filter((pod) => pod.name !== podName && !(termOf(pod) >= term));
  await Promise.all(outdated.map((pod) => clear(api, pod)));
}

/** Conditional on the version that was read: a pod relabelled meanwhile keeps the label. */
async function clear(api: KubernetesApi, { name, resourceVersion }: Pod): Promise<void> {
  try {
    await api.patchPod(name, { labels: { [ROLE]: null }, annotations: { [TERM]: null }, resourceVersion });
  } catch (error) {
    if (error instanceof KubernetesRefusal && error.status === NOT_FOUND) return;
    if (error instanceof KubernetesRefusal && error.status === CONFLICT) {
      throw new Error(`the pod ${name} has changed meanwhile`, { cause: error });
    }
    throw error;
  }
}

const isLabelled = ({ labels }: Pod) => labels[ROLE] === 'leader';
const termOf = ({ annotations }: Pod) => Number(annotations[TERM] ?? NaN);
