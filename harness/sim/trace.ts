import { EPOCH_MS } from './clock.ts';

/** How many of the last events are kept to be printed. */
const KEPT = 120;

/**
 * What happened in a simulation: a hash of everything, by which two runs of one seed can be compared, and the
 * last events that tell a reader something.
 */
export class Trace {
  readonly nowMs: () => number;
  readonly #lines: string[] = [];
  #next = 0;
  #high = 0xdeadbeef;
  #low = 0x41c6ce57;
  events = 0;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** Something that counts for the hash alone. */
  mix(who: string, what: string): void {
    this.events++;
    this.#mix(`${this.nowMs().toFixed(3)} ${who} ${what}`);
  }

  note(who: string, what: string): void {
    this.events++;
    const line = `${(this.nowMs() / 1000).toFixed(4).padStart(9)} s  ${who.padEnd(7)} ${what}`;
    this.#mix(line);
    this.#lines[this.#next++ % KEPT] = line;
  }

  hash(): string {
    return [this.#high, this.#low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }

  /** Oldest first. */
  lines(): string[] {
    if (this.#next <= KEPT) return [...this.#lines];
    const start = this.#next % KEPT;
    return [...this.#lines.slice(start), ...this.#lines.slice(0, start)];
  }

  /** Two interleaved multiplicative hashes, in the manner of cyrb53. */
  #mix(line: string): void {
    for (let index = 0; index < line.length; index++) {
      const code = line.charCodeAt(index);
      this.#high = Math.imul(this.#high ^ code, 2654435761);
      this.#low = Math.imul(this.#low ^ code, 1597334677);
    }
    this.#high ^= this.#low >>> 16;
    this.#low ^= this.#high >>> 13;
  }
}

/** A moment as it stands in traces: seconds since the beginning. */
export function seconds(epochMs: number): string {
  return ((epochMs - EPOCH_MS) / 1000).toFixed(3);
}
