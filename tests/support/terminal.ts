/** Processes on a terminal of their own, for which util-linux's `script` is needed. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

export const hasPty = spawnSync('script', ['--version']).status === 0;

/**
 * The command on a new terminal: what is written to its stdin is typed there (Ctrl-S is `\x13`, Ctrl-Q `\x11`, Ctrl-C
 * `\x03`), its stdout is what the terminal shows. Ends as the command does.
 */
export function onTerminal(
  command: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): ChildProcess {
  const quoted = ['exec', ...command].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  return spawn('script', ['--quiet', '--return', '--flush', '--command', quoted, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
    // It takes the shell that it runs the command with from there.
    ...options,
    env: { ...process.env, ...options.env, SHELL: '/bin/sh' },
  });
}
