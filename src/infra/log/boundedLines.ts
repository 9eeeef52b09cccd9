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

export interface BoundedLines {
  /** Queues a line, with its line end. Returns at once; never throws. */
  write(line: string): void;
  /** Resolves when the queue is empty, or after `limitMs`. */
  flush(limitMs: number): Promise<void>;
  losses(): Losses;
}

/** A queued line, and how many missing ones it reports: 0 for an ordinary line. */
interface Waiting {
  text: string;
  missing: number;
}

export function boundedLines({ write, gap }: LinesOptions): BoundedLines {
  let waiting: Waiting[] = [];
  let size = 0;
  /** Lines dropped since the last accepted one. */
  let missing = 0;
  let writing: Promise<void> | null = null;
  const losses: Losses = { lines: 0, failures: 0 };

  function keep(text: string, missing = 0): void {
    waiting.push({ text, missing });
    size += text.length;
  }

  function drop(): void {
    missing++;
    losses.lines++;
  }

  function reportGap(): void {
    if (missing === 0) return;
    keep(gap(missing), missing);
    missing = 0;
  }

  /** The lines of the next write. */
  function next(): Waiting[] {
    let taken = 0;
    let count = 0;
    while (count < waiting.length && taken < CHUNK) taken += waiting[count++]!.text.length;
    const lines = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return lines;
  }

  async function writeAll(): Promise<void> {
    // Batches the lines of one turn of the event loop.
    await Promise.resolve();
    while (waiting.length > 0) {
      const lines = next();
      const text = lines.map((line) => line.text).join('');
      try {
        await write(text);
        size -= text.length;
        if (waiting.length === 0) reportGap();
      } catch {
        size -= text.length;
        losses.failures++;
        for (const line of lines) {
          if (line.missing > 0) missing += line.missing;
          else drop();
        }
      }
    }
    writing = null;
  }

  return {
    write(line) {
      const room = missing > 0 ? RESUME_BELOW : LIMIT;
      if (size + line.length > room) return drop();
      reportGap();
      keep(line);
      writing ??= writeAll();
    },
    async flush(limitMs) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const over = new Promise<void>((resolve) => timer = setTimeout(resolve, limitMs));
      await Promise.race([over, writing]);
      clearTimeout(timer);
    },
    losses: () => ({ ...losses }),
  };
}
