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
  #term: number | null = null;
  /** Counts calls of `show`, so that a newer one is noticed. */
  #wishes = 0;
  #off = false;
  #work: Promise<void> | null = null;

  constructor(deps: KubernetesDeps) {
    this.#deps = deps;
  }

  /** `term` is the one under which this replica leads, null when it does not. The latest call wins. */
  show(term: number | null): void {
    this.#term = term;
    this.#wishes++;
    if (!this.#off) this.#work ??= this.#fulfil().finally(() => this.#work = null);
  }

  /** Resolves when no update is pending. */
  async idle(): Promise<void> {
    await this.#work;
  }

  async #fulfil(): Promise<void> {
    for (let seen = -1; seen !== this.#wishes && !this.#off;) {
      seen = this.#wishes;
      const goOn = () => this.#wishes === seen;
      const call = () => label(this.#deps, this.#term);
      const went = await retried("label the leader's pod", call, { ...this.#deps, goOn });
      if (went === 'forbidden') this.#off = true;
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
