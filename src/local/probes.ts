/** Whether a replica is ready, whether it says anything at all, and who has to know when it doesn't. */

/** Probes without an answer, one after the other, after which a replica is taken for gone. */
const GONE_AFTER = 3;

/** `silent`: there was no answer, or not in time. One that is not ready, such as one that drains, does answer. */
export type Seen = 'ready' | 'not ready' | 'silent';

/** What waits for a replica. */
export interface Patient {
  /** A probe had no answer: the replica is slow, frozen or gone. */
  suspected(): void;
  /** Several had none. */
  gone(): void;
}

/** How long a replica has been silent, for all that wait for it. */
export class Silence {
  readonly #waiting = new Set<Patient>();
  #probes = 0;

  /** Returns what ends it. */
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

/** Asks for /readyz again and again, one question at a time. Returns what ends it. */
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
