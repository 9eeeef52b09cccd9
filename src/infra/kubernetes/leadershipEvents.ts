/** Reports leader changes as Events of this replica's pod: `kubectl events`, `kubectl describe pod`. */
import type { ElectionNews } from '../../actors/leadership/electionEvents.ts';
import { termsOf } from '../../domain/leadership/term.ts';
import { KubernetesRefusal, type PodEvent } from './api.ts';
import type { KubernetesDeps } from './news.ts';
import { retried } from './retried.ts';

/** Queued Events; the oldest is dropped first (G9). */
const MAX_QUEUED = 20;
const CONFLICT = 409;

type EventDraft = Omit<PodEvent, 'pod'>;

export class LeadershipEvents {
  readonly #deps: KubernetesDeps;
  #queue: EventDraft[] = [];
  #isForbidden = false;
  #creating: Promise<void> | null = null;

  constructor(deps: KubernetesDeps) {
    this.#deps = deps;
  }

  publish(news: ElectionNews): void {
    const draft = eventOf(news, this.#deps.podName, this.#deps.clock.now());
    if (draft === null || this.#isForbidden) return;
    this.#queue = [...this.#queue, draft].slice(-MAX_QUEUED);
    this.#creating ??= this.#createAll().finally(() => this.#creating = null);
  }

  /** Resolves when the queue is empty. */
  async idle(): Promise<void> {
    await this.#creating;
  }

  async #createAll(): Promise<void> {
    for (let draft; (draft = this.#queue.shift()) !== undefined;) {
      const call = () => create(this.#deps, draft as EventDraft);
      const result = await retried('create Events', call, { ...this.#deps, goOn: () => true });
      if (result !== 'forbidden') continue;
      this.#isForbidden = true;
      this.#queue = [];
    }
  }
}

/** Idempotent: a name conflict means that an earlier try created the Event. */
async function create({ api, podName }: KubernetesDeps, draft: EventDraft): Promise<void> {
  const pod = await api.pod(podName);
  try {
    await api.createEvent({ ...draft, pod });
  } catch (error) {
    if (!(error instanceof KubernetesRefusal && error.status === CONFLICT)) throw error;
  }
}

/** Null for news that are no leader change. */
function eventOf(news: ElectionNews, podName: string, atMs: number): EventDraft | null {
  switch (news.type) {
    case 'ELECTION.ROLE':
      return null;
    case 'ELECTION.BEGAN': {
      const { began } = termsOf(news.acquisition);
      const isPreempted = began.began_by === 'pre-empted';
      const gap = began.gap_ms === null ? '' : `, after ${began.gap_ms} ms without a leader`;
      const how = isPreempted ? ': the leader before it was gone' : '';
      return {
        name: `${podName}.term-${began.term}-began`,
        type: 'Normal',
        reason: isPreempted ? 'LeadershipPreempted' : 'LeadershipAcquired',
        action: 'Lead',
        note: `${podName} leads with term ${began.term}${gap}${how}`,
        atMs,
      };
    }
    case 'ELECTION.ENDED': {
      const isLoss = news.by === 'expired' || news.by === 'fenced';
      return {
        name: `${podName}.term-${news.term}-ended`,
        type: isLoss ? 'Warning' : 'Normal',
        reason: isLoss ? 'LeadershipLost' : 'LeadershipReleased',
        action: 'StepDown',
        note: `${podName} no longer leads: its term ${news.term} has ended (${news.by})`,
        atMs,
      };
    }
  }
}
