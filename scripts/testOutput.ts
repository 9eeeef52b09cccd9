/** What a test runner prints, passed on line by line: the tests that it skipped, and its report of what failed. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface Results {
  skipped: number;
  /** The runner's report of the tests that failed: its first lines, without colours. */
  failures: string[];
}

/** Begins the report of the failures: of Node's spec reporter, and of Deno. */
const REPORT = /^(✖ failing tests:| ERRORS )/u;
/** A count of Node's spec reporter, and a test of Deno. */
const SKIPPED = { count: /^[ℹ#] skipped (\d+)$/u, test: /\.\.\. ignored\b/ };
const MAX_REPORT_LINES = 80;

/** Passes on each line as it comes; resolves with what the lines said when the stream ends. */
export async function passOn(output: Readable, write: (line: string) => void): Promise<Results> {
  const results: Results = { skipped: 0, failures: [] };
  const lines = createInterface({ input: output });
  lines.on('line', (line) => {
    write(line);
    const text = withoutColours(line);
    results.skipped += Number(SKIPPED.count.exec(text)?.[1] ?? 0) + (SKIPPED.test.test(text) ? 1 : 0);
    const isReport = results.failures.length > 0 || REPORT.test(text);
    if (isReport && results.failures.length < MAX_REPORT_LINES) results.failures.push(text);
  });
  await once(lines, 'close');
  return results;
}

function withoutColours(line: string): string {
  return line.replaceAll(/[^ -~]\[[\d;]*m/g, '');
}
