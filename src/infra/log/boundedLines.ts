/**
 * Lines on their way out, which never hold up the process that writes them. A reader that has stopped, or has gone
 * away, costs lines and nothing else: past `LIMIT` characters that wait, new ones are dropped and counted, and so are
 * those that could not be written. Once the reader is back, one line says how many are missing there.
 */

/** Characters that may wait (G9). */
const LIMIT = 8 * 1024 * 1024;
/** After a line was dropped, none is taken in until so much room is free: gaps are few, and long. */
const BACK_AT = LIMIT / 2;
/** Characters in one write, about. */
const CHUNK = 64 * 1024;

/** Writes the text, all of it; rejects when that can't be done. Never called again before it has answered. */
export type WriteText = (text: string) => Promise<void>;

export interface LinesOptions {
  write: WriteText;
  /** The line, with its end, that stands where so many lines are missing. */
  gap: (lines: number) => string;
}

/** Since the start. */
export interface Losses {
  /** Lines that were dropped, since too much waited or since they could not be written. */
  lines: number;
  /** Writes that failed. */
  failures: number;
}

export interface BoundedLines {
  /** Takes a line, with its end. Returns at once, and never throws. */
  write(line: string): void;
  /** Resolves when nothing waits any more, or after so long. */
  flush(limitMs: number): Promise<void>;
  losses(): Losses;
}

/** A line, and how many missing ones it tells of: 0 when it is no such line. */
interface Waiting {
  text: string;
  missing: number;
}

export function boundedLines({ write, gap }: LinesOptions): BoundedLines {
  let waiting: Waiting[] = [];
  let size = 0;
  /** Lines that were dropped since the last one that was taken. */
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

  function tellOfGap(): void {
    if (missing === 0) return;
    keep(gap(missing), missing);
    missing = 0;
  }

  /** The next lines, as one text. */
  function next(): Waiting[] {
    let taken = 0;
    let count = 0;
    while (count < waiting.length && taken < CHUNK) taken += waiting[count++]!.text.length;
    const lines = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return lines;
  }

  async function writeAll(): Promise<void> {
    // What is written in the same turn of the event loop goes out together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const lines = next();
      const text = lines.map((line) => line.text).join('');
      try {
        await write(text);
        size -= text.length;
        if (waiting.length === 0) tellOfGap();
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
      const room = missing > 0 ? BACK_AT : LIMIT;
      if (size + line.length > room) return drop();
      tellOfGap();
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
