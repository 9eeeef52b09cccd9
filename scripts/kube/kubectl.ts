/** kubectl as a child process, with the user's own context and credentials. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

export interface Kubectl {
  /** Resolves with its output; rejects with its error output. */
  run(args: readonly string[], input?: string): Promise<string>;
  json<T>(args: readonly string[]): Promise<T>;
  /** A long-running command; the caller ends it. */
  start(args: readonly string[]): ChildProcessByStdio<Writable, Readable, Readable>;
}

/** All commands use that namespace of the current context. */
export function kubectlIn(namespace: string): Kubectl {
  const start = (args: readonly string[]) =>
    spawn('kubectl', ['--namespace', namespace, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  async function run(args: readonly string[], input = ''): Promise<string> {
    const child = start(args);
    // kubectl may end before it has read its input.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const ended = once(child, 'close');
    const [out, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    if (code === 0) return out;
    throw new Error(`kubectl ${args.slice(0, 6).join(' ')}: ${stderr.trim() || `exit code ${code}`}`);
  }
  return { start, run, json: async (args) => JSON.parse(await run([...args, '-o', 'json'])) };
}
