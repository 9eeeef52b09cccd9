interface Sample {
  /** Server time less monotonic time. */
  offsetMs: number;
  /** The offset is off by at most half of this. */
  roundTripMs: number;
  takenMonotonicMs: number;
}

/**
 * Long enough to hold a quick answer, short enough for a drifting clock (50 ppm make 1.5 ms in this time).
 */
const MEMORY_MS = 30_000;
const MAX_SAMPLES = 128;

/**
 * The database server's clock, as seen from here (G6): the monotonic clock plus a measured offset, so that
 * neither a wrong nor a jumping wall clock of this machine matters, and replicas minutes apart agree on when
 * to fire.
 *
 * Each reading of the server's time comes with the moments before and after it; the server looked at its
 * clock somewhere in between, so the quickest of the recent readings is the best one (the rule of NTP's clock
 * filter).
 */
export class ServerTime {
  #samples: Sample[] = [];
  #best: Sample | null = null;

  /** Answers by how much the server's clock was stepped since the samples before, ms; 0 when it was not. */
  sample(sentMonotonicMs: number, receivedMonotonicMs: number, serverMs: number): number {
    const before = this.#best;
    const sample = {
      // The server's time is cut to whole milliseconds: half of one is the mean error.
      offsetMs: serverMs + 0.5 - (sentMonotonicMs + receivedMonotonicMs) / 2,
      roundTripMs: receivedMonotonicMs - sentMonotonicMs,
      takenMonotonicMs: receivedMonotonicMs,
    };
    const oldestMs = receivedMonotonicMs - MEMORY_MS;
    this.#samples = this.#samples.filter((old) => old.takenMonotonicMs >= oldestMs && agree(old, sample));
    this.#samples.push(sample);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    this.#best = this.#samples.reduce((best, next) => next.roundTripMs <= best.roundTripMs ? next : best);
    return before === null || agree(before, sample) ? 0 : sample.offsetMs - before.offsetMs;
  }

  /**
   * Epoch milliseconds on the server's clock. Throws before the first sample: nothing may be decided on a
   * guess.
   */
  nowMs(monotonicMs: number): number {
    if (this.#best === null) throw new Error("The server's time is not known yet: no sample has been taken.");
    return monotonicMs + this.#best.offsetMs;
  }

  get known(): boolean {
    return this.#best !== null;
  }
}

/**
 * Two samples that can both be true of one clock. When they can't, the server's clock was stepped (or another
 * member of the replica set, with another clock, is the primary now): what was measured before is void.
 */
function agree(old: Sample, next: Sample): boolean {
  return Math.abs(old.offsetMs - next.offsetMs) <= (old.roundTripMs + next.roundTripMs) / 2 + 5;
}
