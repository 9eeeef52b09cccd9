import type { Random } from '../../src/actors/shared/environment.ts';

/**
 * xoshiro128** (Blackman and Vigna), seeded by splitmix32: the one source of chance of a simulation, so that
 * its seed tells everything that happens in it.
 */
export class SeededRandom implements Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let mixed = seed >>> 0;
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = mixed ^ (mixed >>> 16);
      word = Math.imul(word, 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      this.#state[index] = word ^ (word >>> 15);
    }
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const [a, b, c, d] = this.#state as unknown as [number, number, number, number];
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const third = c ^ a;
    const fourth = d ^ b;
    this.#state[0] = a ^ fourth;
    this.#state[1] = b ^ third;
    this.#state[2] = third ^ (b << 9);
    this.#state[3] = (fourth << 11) | (fourth >>> 21);
    return result;
  }

  next(): number {
    return this.uint32() / 2 ** 32;
  }

  uuid(): string {
    return [0, 1, 2, 3].map(() => this.uint32().toString(16).padStart(8, '0')).join('-');
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** A whole number in [low, high]. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.next() * from.length)] as T;
  }

  weighted<T extends { weight: number }>(from: readonly T[]): T {
    let left = this.next() * from.reduce((sum, { weight }) => sum + weight, 0);
    return from.find(({ weight }) => (left -= weight) < 0) ?? from.at(-1) as T;
  }

  /** Waiting time of something that happens every `meanMs` on average. */
  waitMs(meanMs: number): number {
    return -meanMs * Math.log(1 - this.next());
  }

  /** An independent source, so that more draws in one place change nothing elsewhere. */
  fork(): SeededRandom {
    return new SeededRandom(this.uint32());
  }
}
