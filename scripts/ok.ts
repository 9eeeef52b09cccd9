/**
 * The gate, the same on a developer's machine and in CI: format, lint, types on both runtimes, unused code,
 * statecharts, architecture.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT_DIR, RUNTIME } from '../src/local/runtime.ts';

const bin = (name: string) => join(PROJECT_DIR, 'node_modules', '.bin', name);
const runner = RUNTIME === 'deno' ? ['run', '-A', '--no-check'] : ['--import', 'tsx'];
const testRunner = RUNTIME === 'deno' ? ['test', '-A', '--no-check'] : ['--import', 'tsx', '--test'];

/** Each check, its command, and the remedy for a failure. */
const STEPS: [what: string, command: string[], remedy?: string][] = [
  ['format', [bin('deno'), 'fmt', '--check'], 'run `npx deno fmt`'],
  ['lint', [bin('deno'), 'lint']],
  ['types, by tsc', [bin('tsc'), '-p', '.']],
  ['types of the page', [bin('tsc'), '-p', 'src/http/inspector/page']],
  // Without the page: the types of a browser conflict with Deno's.
  ['types, by deno', [
    bin('deno'),
    'check',
    '--quiet',
    'src/**/*.ts',
    'tests',
    'harness',
    'scripts',
    'bench',
  ]],
  ['unused code', [bin('knip')]],
  ['statecharts', [process.execPath, ...runner, 'scripts/diagrams.ts', '--check']],
  ['architecture', [process.execPath, ...testRunner, 'tests/architecture.test.ts']],
];

let failures = 0;
for (const [what, [command, ...args], remedy] of STEPS) {
  const startedMs = performance.now();
  const { status, stdout, stderr, error } = spawnSync(command!, args, { cwd: PROJECT_DIR, encoding: 'utf8' });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${what.padEnd(16)} ${seconds.padStart(5)} s`);
  if (status === 0) continue;
  failures++;
  console.log(
    `${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}${remedy ? `→ ${remedy}\n` : ''}`,
  );
}
if (failures > 0) process.exitCode = 1;
