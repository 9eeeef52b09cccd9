/** Readiness probes of replicas, and the notification of exchanges that wait for a silent one. */
import type { Clock } from '../../actors/shared/environment.ts';
import { withLimit } from '../limit.ts';

/** Consecutive unanswered probes after which a replica is considered gone. */
const GONE_AFTER = 3;

/** `silent`: no answer in time. A replica that is not ready, such as a draining one, does answer. */
export type ProbeResult = 'ready' | 'not ready' | 'silent';

/** Notified while it waits for a replica. */
export interface SilenceListener {
  /** One probe had no answer: the replica is slow, frozen or gone. */
  suspected(): void;
  /** Several probes had no answer. */
  gone(): void;
}

/** Counts the consecutive unanswered probes of one replica, and notifies the exchanges that wait for it. */
export class SilenceDetector {
  readonly #listeners = new Set<SilenceListener>();
  #unanswered = 0;

  /** Returns the unsubscribe function. */
  subscribe(listener: SilenceListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  record(result: ProbeResult): void {
    this.#unanswered = result === 'silent' ? this.#unanswered + 1 : 0;
    if (this.#unanswered === 1) { for (const listener of [...this.#listeners]) listener.suspected(); }
    if (this.#unanswered >= GONE_AFTER) { for (const listener of [...this.#listeners]) listener.gone(); }
  }
}

export interface ProbeTiming {
  /** From one result to the next probe. */
  probeEveryMs: number;
  probeTimeoutMs: number;
}

/** Probes /readyz repeatedly, one request at a time. Returns the function that stops it. */
export function probeForever(
  clock: Clock,
  port: number,
  { probeEveryMs, probeTimeoutMs }: ProbeTiming,
  onResult: (result: ProbeResult) => void,
): () => void {
  let stopped = false;
  let timer: unknown;
  async function probe(): Promise<void> {
    const result = await probeOnce(clock, port, probeTimeoutMs);
    if (stopped) return;
    onResult(result);
    timer = clock.setTimeout(() => void probe(), probeEveryMs);
  }
  void probe();
  return () => {
    stopped = true;
    clock.clearTimeout(timer);
  };
}

async function probeOnce(clock: Clock, port: number, timeoutMs: number): Promise<ProbeResult> {
  try {
    return await withLimit(clock, timeoutMs, async (signal) => {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal });
      await response.arrayBuffer();
      return response.status === 200 ? 'ready' : 'not ready';
    });
  } catch {
    return 'silent';
  }
}
