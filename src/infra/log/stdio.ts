/**
 * The standard streams of this process, written without blocking. By default both runtimes write to
 * a terminal, and Deno to a pipe as well, in a synchronous call: Ctrl-S, or a stopped reader, would
 * stop the whole process.
 */
import process from 'node:process';
import type { WriteText } from './boundedLines.ts';
import { printableText } from './printable.ts';

/** How long process exit may wait for its last message. */
const LAST_MESSAGE_LIMIT_MS = 1_000;

/** Streams that only Deno has. */
type DenoStreams = Record<'stdout' | 'stderr', { write(bytes: Uint8Array): Promise<number> }>;
/** A TTY stream's handle on Node. It is not public API; terminal libraries have used it for a decade. */
type TerminalHandle = { _handle?: { setBlocking?: (blocking: boolean) => void } };

const deno = (globalThis as { Deno?: DenoStreams }).Deno;

/** Texts appear in the order of the calls. On Node, writes to a file are synchronous. */
export function standardStream(name: 'stdout' | 'stderr'): WriteText {
  return deno === undefined ? ofNode(name) : ofDeno(deno[name]);
}

function ofNode(name: 'stdout' | 'stderr'): WriteText {
  const stream = process[name];
  if (stream.isTTY) (stream as TerminalHandle)._handle?.setBlocking?.(false);
  // Each failed write rejects to its caller, which counts it. An unhandled event would end the process.
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

/** Writes why this process ends to stderr. Resolves when that succeeds or fails, or after one second. */
export async function writeLastMessage(text: string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => timer = setTimeout(resolve, LAST_MESSAGE_LIMIT_MS));
  // No stream is left on which to report the failure.
  await Promise.race([over, standardStream('stderr')(printableText(text)).catch(() => {})]);
  clearTimeout(timer);
}
