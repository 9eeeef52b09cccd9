/**
 * When in a call the server read its clock. In a `read` around the middle: little work comes before
 * or after. In a `write` at the start: the replica set's members, and their disks, come after it.
 */
export type SampleOf = 'read' | 'write';

interface Sample {
  of: SampleOf;
  /** Server time less monotonic time, assuming that the server read its clock mid-call. */
  offsetMs: number;
  /** The offset is off by at most half of this. */
  roundTripMs: number;
  takenMonotonicMs: number;
}

/** Maximum drift between two clocks, ms per ms. */
const DRIFT = 1e-4;
const MAX_SAMPLES = 128;
/** Interval between reads of the clock: it drifts by 1 ms at most meanwhile. */
const READ_EVERY_MS = 10_000;

/**
 * This replica's estimate of the database server's clock (G6): the monotonic clock plus a measured
 * offset. A wrong or jumping wall clock of this machine has no effect, and replicas with wall
 * clocks minutes apart agree on when to fire.
 *
 * The server read its clock between the start and the end of a call, so the best sample is the one
 * with the smallest possible error, quick and recent (the rule of NTP's clock filter). Writes bound
 * the server's time as well, and show at once when its clock was set. But the middle of a write is
 * late every time: a read is better unless it was much slower.
 */
export class ServerTime {
  #samples: Sample[] = [];
  #best: Sample | null = null;

  /** Returns the step of the server's clock since earlier samples, ms; 0 without one. */
  sample(sentMonotonicMs: number, receivedMonotonicMs: number, serverMs: number, of: SampleOf): number {
    const before = this.#best;
    const sample: Sample = {
      of,
      // The server truncates to whole milliseconds: half of one is the mean error.
      offsetMs: serverMs + 0.5 - (sentMonotonicMs + receivedMonotonicMs) / 2,
      roundTripMs: receivedMonotonicMs - sentMonotonicMs,
      takenMonotonicMs: receivedMonotonicMs,
    };
    const errorMs = (one: Sample) =>
      one.roundTripMs * (one.of === 'read' ? 0.5 : 1) + DRIFT * (receivedMonotonicMs - one.takenMonotonicMs);
    this.#samples = this.#samples.filter((old) => agree(old, sample));
    this.#samples.push(sample);
    this.#best = this.#samples.reduce((best, next) => errorMs(next) <= errorMs(best) ? next : best);
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
    return before === null || agree(before, sample) ? 0 : sample.offsetMs - before.offsetMs;
  }

  /** Whether a read is due: the last one is old, or void. */
  wantsRead(monotonicMs: number): boolean {
    const read = this.#samples.findLast((sample) => sample.of === 'read');
    return read === undefined || monotonicMs - read.takenMonotonicMs >= READ_EVERY_MS;
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
 * Whether two samples fit one clock. If not, the server's clock was stepped (or another member of
 * the replica set, with another clock, became primary): earlier samples are void.
 */
function agree(old: Sample, next: Sample): boolean {
  const driftMs = DRIFT * (next.takenMonotonicMs - old.takenMonotonicMs);
  return Math.abs(old.offsetMs - next.offsetMs) <= (old.roundTripMs + next.roundTripMs) / 2 + 5 + driftMs;
}
