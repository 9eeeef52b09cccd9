import { fileURLToPath } from 'node:url';

/** Where the project lies: `npm start` works from any directory, the paths below are relative to this one. */
export const PROJECT_DIR = fileURLToPath(new URL('../..', import.meta.url));

/** The runtime that runs this process, by name. */
export const RUNTIME = 'Deno' in globalThis ? 'deno' : 'node';

/**
 * The command line that runs a TypeScript file of the project (absolute path) with the runtime that runs this
 * one.
 */
export function runtimeCommand(script: string, args: readonly string[] = []): [string, ...string[]] {
  return RUNTIME === 'deno'
    ? [process.execPath, 'run', '-A', '--no-check', script, ...args]
    : [process.execPath, '--import', import.meta.resolve('tsx'), script, ...args];
}
