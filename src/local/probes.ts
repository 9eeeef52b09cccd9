/** Readiness probes of replicas, and the notification of exchanges that wait for a silent one. */

/** Consecutive unanswered probes after which a replica is considered gone. */
const GONE_AFTER = 3;

/** `silent`: no answer in time. A replica that is not ready, such as a draining one, does answer. */
export type Seen = 'ready' | 'not ready' | 'silent';

/** An exchange that waits for a replica. */
export interface Patient {
  /** One probe had no answer: the replica is slow, frozen or gone. */
  suspected(): void;
  /** Several probes had no answer. */
  gone(): void;
}

/** How long a replica has been silent, for every exchange that waits for it. */
export class Silence {
  readonly #waiting = new Set<Patient>();
  #probes = 0;

  /** Returns the unsubscribe function. */
  watch(patient: Patient): () => void {
    this.#waiting.add(patient);
    return () => void this.#waiting.delete(patient);
  }

  note(seen: Seen): void {
    this.#probes = seen === 'silent' ? this.#probes + 1 : 0;
    if (this.#probes === 1) { for (const patient of [...this.#waiting]) patient.suspected(); }
    if (this.#probes >= GONE_AFTER) { for (const patient of [...this.#waiting]) patient.gone(); }
  }
}

/** Probes /readyz repeatedly, one request at a time. Returns the function that stops it. */
export function probeForever(
  port: number,
  { probeEveryMs, probeTimeoutMs }: { probeEveryMs: number; probeTimeoutMs: number },
  tell: (seen: Seen) => void,
): () => void {
  let over = false;
  let timer: NodeJS.Timeout;
  async function probe(): Promise<void> {
    const seen = await look(port, probeTimeoutMs);
    if (over) return;
    tell(seen);
    timer = setTimeout(probe, probeEveryMs);
  }
  void probe();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}

async function look(port: number, timeoutMs: number): Promise<Seen> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    return response.status === 200 ? 'ready' : 'not ready';
  } catch {
    return 'silent';
  }
}
