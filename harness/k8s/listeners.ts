/** Follows what every replica says, of every pod there ever is: the receiver of the `log` action. */
import { setTimeout as delay } from 'node:timers/promises';
import { podsPath } from '../../scripts/kube/pods.ts';
import type { Execution } from '../chaos/fleet.ts';
import type { Installation } from './installation.ts';

const LOOK_EVERY_MS = 300;
const CONTAINER = 'hascheduler';
/** What runtimes say of old modules in packages. */
const DEPRECATION = /DeprecationWarning|--trace-deprecation/;

interface Line {
  msg?: string;
  level?: string;
  [field: string]: unknown;
}

export class Listeners {
  readonly executions: Execution[] = [];
  /** What replicas have complained of as their own failure. */
  readonly errors: string[] = [];
  readonly #installation: Installation;
  readonly #heard = new Set<string>();
  readonly #over = new AbortController();
  #looking: Promise<void> | null = null;

  constructor(installation: Installation) {
    this.#installation = installation;
  }

  start(): void {
    this.#looking = this.#look();
  }

  async close(): Promise<void> {
    this.#over.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      const pods = await this.#installation.replicas().catch(() => []);
      for (const { metadata: { name }, status } of pods) {
        const container = status.containerStatuses?.find((one) => one.name === CONTAINER);
        if (container?.state?.running === undefined) continue;
        const life = `${name}#${container.restartCount + 1}`;
        if (this.#heard.has(life)) continue;
        this.#heard.add(life);
        // One that broke off is followed again; the audit counts what is heard twice as one.
        void this.#follow(name, life).catch(() => this.#heard.delete(life));
      }
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
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
      for (const line of lines) this.#hear(line, life);
    }
  }

  #hear(text: string, life: string): void {
    const line = parse(text);
    const isComplaint = line.level === 'error' || line.level === undefined && !DEPRECATION.test(text);
    if (isComplaint) this.errors.push(`${life}: ${text}`);
    if (line.msg !== 'running schedule') return;
    const { run_id, attempt, term } = line;
    const readMs = performance.now();
    this.executions.push({ runId: `${run_id}`, attempt: Number(attempt), term: Number(term), life, readMs });
  }
}

/** What is no JSON is a complaint of the runtime. */
function parse(text: string): Line {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
