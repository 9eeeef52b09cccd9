/**
 * Child processes that never outlive this process, not even after a kill -9.
 *
 * Each child runs beside a small shell that holds one end of a pipe; this process holds the other
 * end. When this process ends, for any reason, the kernel closes the pipe, and the shell stops the
 * child. The shell is a session of its own, so a terminal's Ctrl-C reaches neither: the parent
 * decides when the child stops.
 */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../actors/shared/environment.ts';

/** From the guard's SIGTERM to its SIGKILL. */
const GRACE_S = 10;

/** $1 is the file for the child's output ('' leaves it on the pipe), the rest is the command. */
const GUARD = `
log=$1; shift
exec 3<&0
run='log=$1; shift; if [ -z "$log" ]; then echo $$; exec "$@"; fi; rm -f "$log"; exec 4>"$log"; echo $$; exec "$@" >&4 2>&1 4>&-'
sh -c "$run" guarded "$log" "$@" </dev/null 3<&- &
child=$!
exec 1>&- 2>/dev/null
(cat <&3; kill -CONT $child; kill $child; sleep ${GRACE_S}; kill -9 $child) >/dev/null &
guard=$!
exec 3<&-
wait $child; code=$?
kill $guard
exit $code
`;

export interface Guarded {
  pid: number;
  /** The child's stdout, paused until it is read; empty when a log file is given. */
  stdout: Readable;
  stderr: Readable;
  /** Resolves when the child has ended: `exit code 3`, `SIGKILL`. */
  ended: Promise<string>;
  /** False when the child has already ended. */
  kill(signal: NodeJS.Signals): boolean;
  /** SIGTERM, and SIGKILL when the child has not ended within `graceMs`. Continues a child that is stopped by SIGSTOP. */
  stop(graceMs: number): Promise<void>;
}

export interface GuardedOptions {
  /** For the grace period of `stop`. */
  clock: Clock;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Replaced at each start: it is empty when `spawnGuarded` resolves. */
  logFile?: string;
}

/** Resolves when the child runs; rejects with a sentence when the command can't be started. */
export async function spawnGuarded(
  command: readonly string[],
  options: GuardedOptions,
): Promise<Guarded> {
  const { clock } = options;
  const shell = spawn('sh', ['-c', GUARD, 'guard', options.logFile ?? '', ...command], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  shell.stdin.on('error', () => {});
  let hasEnded = false;
  const ended = new Promise<string>((resolve, reject) => {
    shell.once('error', reject);
    shell.once('exit', (code) => {
      hasEnded = true;
      shell.stdin.destroy();
      resolve(describeExit(code ?? 0));
    });
  });
  const pid = await firstLine(shell.stdout, ended, command);
  const kill = (signal: NodeJS.Signals) => !hasEnded && sendSignal(pid, signal);
  return {
    pid,
    stdout: shell.stdout,
    stderr: shell.stderr,
    ended,
    kill,
    async stop(graceMs) {
      kill('SIGTERM');
      kill('SIGCONT');
      const timer = clock.setTimeout(() => kill('SIGKILL'), graceMs);
      await ended;
      clock.clearTimeout(timer);
    },
  };
}

/** False when no such process runs. Signal 0 also finds processes of other users. */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    return signal === 0 && (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The pid, which the shell prints before it becomes the command. Later bytes go back into the stream. */
function firstLine(stdout: Readable, ended: Promise<string>, command: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      text = Buffer.concat([text, chunk]);
      const end = text.indexOf(10);
      if (end < 0) return;
      stdout.off('data', onData);
      stdout.pause();
      if (end + 1 < text.length) stdout.unshift(text.subarray(end + 1));
      resolve(Number(text.subarray(0, end)));
    };
    stdout.on('data', onData);
    ended.then(
      (how) => reject(new Error(`${command[0]} ended before it started: ${how}`)),
      (cause) =>
        reject(new Error(`${command[0]} can't be started: the shell \`sh\` could not be run`, { cause })),
    );
  });
}

/** A shell reports a child ended by a signal as 128 + the signal's number. */
function describeExit(code: number): string {
  const names: Record<number, string> = {
    129: 'SIGHUP',
    130: 'SIGINT',
    132: 'SIGILL',
    134: 'SIGABRT',
    135: 'SIGBUS',
    137: 'SIGKILL',
    139: 'SIGSEGV',
    143: 'SIGTERM',
  };
  return names[code] ?? `exit code ${code}`;
}
