/**
 * Where in a call the server looked at its clock. In a `read` about in the middle: there is little to do before and
 * after. In a `write` at its beginning: then the members of the replica set, and their disks, have to be waited for.
 */
export type SampleOf = 'read' | 'write';

interface Sample {
  of: SampleOf;
  /** Server time less monotonic time, if the server looked in the middle of the call. */
  offsetMs: number;
  /** The offset is off by at most half of this. */
  roundTripMs: number;
  takenMonotonicMs: number;
}

/** How far two clocks may drift apart in a millisecond. */
const DRIFT = 1e-4;
const MAX_SAMPLES = 128;
/** The clock is to be read so often: it drifts by a millisecond at most meanwhile. */
const READ_EVERY_MS = 10_000;

/**
 * The database server's clock, as seen from here (G6): the monotonic clock plus a measured offset, so that
 * neither a wrong nor a jumping wall clock of this machine matters, and replicas minutes apart agree on when
 * to fire.
 *
 * Each sample of the server's time comes with the moments before and after it; the server looked at its
 * clock somewhere in between, so the best one is that which can be off by the least, quick and not old (the rule of
 * NTP's clock filter). Writes bound the server's time as well, and tell at once when its clock was set; but the middle
 * of them is late, and would be late each time: a read is better unless it was a good deal slower.
 */
export class ServerTime {
  #samples: Sample[] = [];
  #best: Sample | null = null;

  /** Answers by how much the server's clock was stepped since the samples before, ms; 0 when it was not. */
  sample(sentMonotonicMs: number, receivedMonotonicMs: number, serverMs: number, of: SampleOf): number {
    const before = this.#best;
    const sample: Sample = {
      of,
      // The server's time is cut to whole milliseconds: half of one is the mean error.
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

  /** Whether it is time for another read: the last one is old, or void. */
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
 * Two samples that can both be true of one clock. When they can't, the server's clock was stepped (or another
 * member of the replica set, with another clock, is the primary now): what was measured before is void.
 */
function agree(old: Sample, next: Sample): boolean {
  const driftMs = DRIFT * (next.takenMonotonicMs - old.takenMonotonicMs);
  return Math.abs(old.offsetMs - next.offsetMs) <= (old.roundTripMs + next.roundTripMs) / 2 + 5 + driftMs;
}
