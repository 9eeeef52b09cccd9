/**
 * A line writer that never blocks the process. If the reader has stopped or is gone, only lines are
 * lost: beyond `LIMIT` queued characters, new lines are dropped and counted, as are lines whose write
 * failed. Once the reader is back, one line reports how many are missing at that point.
 */

/** Queued characters (G9). */
const LIMIT = 8 * 1024 * 1024;
/** After a drop, lines are accepted again below this: a few long gaps rather than many short ones. */
const RESUME_BELOW = LIMIT / 2;
/** Approximate characters per write. */
const CHUNK = 64 * 1024;

/** Writes all of the text, or rejects. Calls never overlap. */
export type WriteText = (text: string) => Promise<void>;

export interface LinesOptions {
  write: WriteText;
  /** The line, with its line end, in place of so many missing lines. */
  gap: (lines: number) => string;
}

/** Totals since the start. */
export interface Losses {
  /** Lines dropped because the queue was full or their write failed. */
  lines: number;
  /** Writes that failed. */
  failures: number;
}

/** A queued line, and how many missing ones it reports: 0 for an ordinary line. */
interface Waiting {
  text: string;
  missing: number;
}

export class BoundedLines {
  readonly #writeText: WriteText;
  readonly #gap: LinesOptions['gap'];
  #waiting: Waiting[] = [];
  /** Characters queued, or being written. */
  #size = 0;
  /** Lines dropped since the last accepted one. */
  #missing = 0;
  #writing: Promise<void> | null = null;
  readonly #losses: Losses = { lines: 0, failures: 0 };

  constructor({ write, gap }: LinesOptions) {
    this.#writeText = write;
    this.#gap = gap;
  }

  /** Queues a line, with its line end. Returns at once; never throws. */
  write(line: string): void {
    const room = this.#missing > 0 ? RESUME_BELOW : LIMIT;
    if (this.#size + line.length > room) return this.#drop();
    this.#reportGap();
    this.#keep(line);
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when the queue is empty, or after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
    await Promise.race([over, this.#writing]);
    clearTimeout(timer);
  }

  losses(): Losses {
    return { ...this.#losses };
  }

  #keep(text: string, missing = 0): void {
    this.#waiting.push({ text, missing });
    this.#size += text.length;
  }

  #drop(): void {
    this.#missing++;
    this.#losses.lines++;
  }

  #reportGap(): void {
    if (this.#missing === 0) return;
    this.#keep(this.#gap(this.#missing), this.#missing);
    this.#missing = 0;
  }

  async #writeAll(): Promise<void> {
    // Batches the lines of one turn of the event loop.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = this.#next();
      const text = lines.map((line) => line.text).join('');
      try {
        await this.#writeText(text);
        this.#size -= text.length;
        if (this.#waiting.length === 0) this.#reportGap();
      } catch {
        this.#size -= text.length;
        this.#losses.failures++;
        for (const line of lines) {
          if (line.missing > 0) this.#missing += line.missing;
          else this.#drop();
        }
      }
    }
    this.#writing = null;
  }

  /** The lines of the next write. */
  #next(): Waiting[] {
    let taken = 0;
    let count = 0;
    while (count < this.#waiting.length && taken < CHUNK) taken += this.#waiting[count++]!.text.length;
    const lines = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return lines;
  }
}
