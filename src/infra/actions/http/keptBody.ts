/** The beginning of a response's body, as text. */
export class KeptBody {
  readonly #limit: number;
  readonly #chunks: Uint8Array[] = [];
  #kept = 0;
  #read = 0;

  /** Keeps that many bytes at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of the body so far. */
  get read(): number {
    return this.#read;
  }

  add(chunk: Uint8Array): void {
    this.#read += chunk.length;
    const rest = this.#limit - this.#kept;
    if (rest <= 0) return;
    // A copy: a part of undici's chunk would keep the whole of it in memory.
    const part = chunk.slice(0, rest);
    this.#chunks.push(part);
    this.#kept += part.length;
  }

  /**
   * UTF-8; bytes that are none become U+FFFD. A character that the limit cuts in two is left out. `isWhole`: all of
   * the body was added.
   */
  text({ isWhole }: { isWhole: boolean }): { bodyText: string; truncated: boolean } {
    const truncated = !isWhole || this.#read > this.#kept;
    const bodyText = new TextDecoder().decode(Buffer.concat(this.#chunks), { stream: truncated });
    return { bodyText, truncated };
  }
}
