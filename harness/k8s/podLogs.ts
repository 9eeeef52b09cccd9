/** Follows the logs of all replicas, for as long as each pod lives: they hold the output of the `log` action. */
import { setTimeout as delay } from 'node:timers/promises';
import { podsPath } from '../../scripts/kube/pods.ts';
import type { Execution } from '../chaos/fleet.ts';
import type { Installation } from './installation.ts';

const POLL_EVERY_MS = 300;
const CONTAINER = 'hascheduler';
/** Warnings of the runtime about old modules in packages. */
const DEPRECATION = /DeprecationWarning|--trace-deprecation/;

interface Line {
  msg?: string;
  level?: string;
  [field: string]: unknown;
}

export class PodLogs {
  readonly executions: Execution[] = [];
  /** Lines of level `error`, and lines that are not JSON. */
  readonly errors: string[] = [];
  readonly #installation: Installation;
  readonly #followed = new Set<string>();
  readonly #over = new AbortController();
  #polling: Promise<void> | null = null;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  start(): void {
    this.#polling = this.#poll();
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const pods = await this.#installation.replicas().catch(() => []);
      for (const { metadata: { name }, status } of pods) {
        const container = status.containerStatuses?.find((one) => one.name === CONTAINER);
        if (container?.state?.running === undefined) continue;
        const life = `${name}#${container.restartCount + 1}`;
        if (this.#followed.has(life)) continue;
        this.#followed.add(life);
        // A broken stream is followed again from its start; the audit ignores repeated lines.
        void this.#follow(name, life).catch(() => this.#followed.delete(life));
      }
      await delay(POLL_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #follow(pod: string, life: string): Promise<void> {
    const { api, namespace } = this.#installation;
    const url = `${api.url}${podsPath(namespace)}/${pod}/log?container=${CONTAINER}&follow=true`;
    const response = await fetch(url, { signal: this.#over.signal });
    if (!response.ok || response.body === null) throw new Error(`no log of ${pod}: ${response.status}`);
    let rest = '';
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#read(line, life);
    }
  }

  #read(text: string, life: string): void {
    const line = parse(text);
    const isError = line.level === 'error' || line.level === undefined && !DEPRECATION.test(text);
    if (isError) this.errors.push(`${life}: ${text}`);
    if (line.msg !== 'running schedule') return;
    const { run_id, attempt, term } = line;
    const readMs = performance.now();
    this.executions.push({ runId: `${run_id}`, attempt: Number(attempt), term: Number(term), life, readMs });
  }
}

/** Empty for text that is not JSON, which comes from the runtime. */
function parse(text: string): Line {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
