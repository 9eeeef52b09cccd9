/**
 * The standard streams of this process, written without waiting. By themselves both runtimes write to a terminal, and
 * Deno to a pipe as well, in a call that returns when it is done: Ctrl-S, or a reader that was stopped, would stop the
 * whole process.
 */
import process from 'node:process';
import type { WriteText } from './boundedLines.ts';
import { printableText } from './printable.ts';

/** How long the end of the process may wait until its last words are read. */
const FAREWELL_LIMIT_MS = 1_000;

/** What Deno has, of which Node knows nothing. */
type DenoStreams = Record<'stdout' | 'stderr', { write(bytes: Uint8Array): Promise<number> }>;
/** Of a terminal's stream on Node. It has no public name; libraries for terminals have used it for a decade. */
type TerminalHandle = { _handle?: { setBlocking?: (blocking: boolean) => void } };

const deno = (globalThis as { Deno?: DenoStreams }).Deno;

/** What is written with it appears in order. To a file, Node writes at once. */
export function standardStream(name: 'stdout' | 'stderr'): WriteText {
  return deno === undefined ? ofNode(name) : ofDeno(deno[name]);
}

function ofNode(name: 'stdout' | 'stderr'): WriteText {
  const stream = process[name];
  if (stream.isTTY) (stream as TerminalHandle)._handle?.setBlocking?.(false);
  // Each failed write is reported to its caller, who counts it; unheard, the event would end the process.
  stream.on('error', () => {});
  return (text) =>
    new Promise((resolve, reject) => stream.write(text, (error) => error ? reject(error) : resolve()));
}

function ofDeno(stream: DenoStreams['stdout']): WriteText {
  const encoder = new TextEncoder();
  return async (text) => {
    let rest = encoder.encode(text);
    while (rest.length > 0) rest = rest.subarray(await stream.write(rest));
  };
}

/** Why this process ends, on stderr. Resolves when that is written, or when it can't be, or not in a second. */
export async function farewell(text: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => timer = setTimeout(resolve, FAREWELL_LIMIT_MS));
  // Where should a failure to say it be said?
  await Promise.race([over, standardStream('stderr')(printableText(text)).catch(() => {})]);
  clearTimeout(timer);
}
