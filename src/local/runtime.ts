import { fileURLToPath } from 'node:url';

/** The project's root directory: `npm start` works from any directory. */
export const PROJECT_DIR = fileURLToPath(new URL('../..', import.meta.url));

/** The name of the runtime of this process. */
export const RUNTIME = 'Deno' in globalThis ? 'deno' : 'node';

/**
 * The command line that runs a TypeScript file of the project (absolute path) with this process's
 * runtime.
 */
export function runtimeCommand(script: string, args: readonly string[] = []): [string, ...string[]] {
  return RUNTIME === 'deno'
    ? [process.execPath, 'run', '-A', '--no-check', script, ...args]
    : [process.execPath, '--import', import.meta.resolve('tsx'), script, ...args];
}
