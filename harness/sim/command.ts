import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PROJECT_DIR, runtimeCommand } from '../../src/local/runtime.ts';

/** Runs `scripts/sim.ts`, which takes all cores, as a user would. */
export async function byCommand(args: readonly string[]): Promise<{ said: string; code: number | null }> {
  const [program, ...rest] = runtimeCommand(join(PROJECT_DIR, 'scripts/sim.ts'), args);
  const child = spawn(program, rest, { cwd: PROJECT_DIR, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const said = await text(child.stdout);
  const [code] = await ended;
  return { said, code };
}
