/**
 * Runs the tests, on Node or on Deno, whichever runs this. Arguments that are part of a test file's path pick
 * files; others, with a dash, go to the test runner. What this machine can't run is said at the end; with
 * CI=true it is an error.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findMongod } from '../src/local/mongod.ts';
import { PROJECT_DIR, RUNTIME } from '../src/local/runtime.ts';
import { findChromium } from '../harness/cluster/chromium.ts';
import { findFaketime } from '../harness/cluster/faketime.ts';

const CI = process.env.CI === 'true';

/** The page in a browser: its tests are driven by playwright-core, which is for Node.js alone. */
const BROWSER_TESTS = join('tests', 'browser');

/** No matter what goes on beside them: pure computation, clocks of their own, or a wait for what comes. */
const UNDISTURBED = ['actors', 'domain', 'e2e', 'http', 'infra', 'inspector', 'k8s', 'sim', 'store']
  .map((part) => join('tests', part));
/** Measure how long a takeover takes, with nothing beside it. */
const MEASURING = ['peers.test.ts', 'takeover.test.ts'].map((file) => join('tests', 'e2e', file));
/** Take all cores by themselves. */
const SIMULATION = ['sim.test.ts', 'mutations.test.ts'].map((file) => join('tests', 'sim', file));

/**
 * Files one after the other, unless nothing disturbs them: several run whole clusters, and measure them. The limit is
 * for whole files, and hundreds of simulations are in one.
 */
function runner(undisturbed: boolean): string[] {
  if (RUNTIME === 'deno') return ['test', '-A', '--no-check', ...(undisturbed ? ['--parallel'] : [])];
  const atATime = undisturbed ? availableParallelism() : 1;
  const limits = [`--test-concurrency=${atATime}`, '--test-timeout=1200000'];
  return ['--import', 'tsx', '--test', ...limits, '--test-reporter=spec'];
}

function testFiles(filters: readonly string[]): string[] {
  const all = readdirSync(join(PROJECT_DIR, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts')).map((name) => join('tests', name)).toSorted();
  return filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)));
}

/** Why the page can't be tested in a browser here, as a sentence; null when it can. */
function browserObstacle(): string | null {
  const { binary, tried } = findChromium();
  return binary === null
    ? `the page in a browser: no Chromium can be had here. Looked for ${
      tried.join('; ')
    }. Install it, or set CHROMIUM_BINARY.`
    : null;
}

/** The tests that set the clock of a mongod. */
const CLOCK_TESTS = join('tests', 'e2e', 'clockSteps.test.ts');

/** Why the clock of a mongod can't be set here, as a sentence; null when it can. */
function clockObstacle(): string | null {
  const { library, tried } = findFaketime();
  return library === null
    ? `a database server whose clock is set: there is no libfaketime here. Looked for ${
      tried.join('; ')
    }. Install the package libfaketime.`
    : null;
}

/** What can't be tested here, as sentences, and the environment that the tests get. */
async function prepare(): Promise<{ obstacles: string[]; env: NodeJS.ProcessEnv }> {
  const found = await findMongod({ log: console.log }).catch((error: Error) => ({
    binary: null,
    tried: [error.message],
  }));
  if (found.binary !== null) return { obstacles: [], env: { ...process.env, MONGOD_BINARY: found.binary } };
  const tried = found.tried.map((sentence) => `\n    - ${sentence}`).join('');
  return {
    obstacles: [`everything that needs a real MongoDB: no mongod can be had here.${tried}`],
    env: process.env,
  };
}

/** Runs the tests; resolves with the exit code and the number of tests that the runner skipped. */
async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; skipped: number }> {
  const colour = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : {};
  const child = spawn(process.execPath, args, {
    cwd: PROJECT_DIR,
    env: { ...env, ...colour },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let skipped = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    console.log(line);
    skipped += Number(/^[ℹ#] skipped (\d+)$/u.exec(line)?.[1] ?? 0) +
      (/\.\.\. ignored\b/.test(withoutColours(line)) ? 1 : 0);
  });
  const [code] = await once(child, 'close');
  return { code: code ?? 1, skipped };
}

function withoutColours(line: string): string {
  return line.replaceAll(/[^ -~]\[[\d;]*m/g, '');
}

const options = process.argv.slice(2).filter((arg) => arg.startsWith('-'));
const filters = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
const chosen = testFiles(filters);
if (chosen.length === 0) {
  console.error(`No test file has ${filters.join(' or ')} in its path (tests/**/*.test.ts).`);
  process.exit(1);
}
const isForBrowser = (file: string) => file.startsWith(BROWSER_TESTS);
const noBrowser = chosen.some(isForBrowser) && RUNTIME === 'node' ? browserObstacle() : null;
const leavesBrowserOut = RUNTIME === 'deno' || noBrowser !== null;
const files = leavesBrowserOut ? chosen.filter((file) => !isForBrowser(file)) : chosen;
const { obstacles, env } = await prepare();
if (noBrowser !== null) obstacles.push(noBrowser);
const noClock = chosen.includes(CLOCK_TESTS) ? clockObstacle() : null;
if (noClock !== null) obstacles.push(noClock);
const isUndisturbed = (file: string) =>
  ![...SIMULATION, ...MEASURING].includes(file) && UNDISTURBED.some((part) => file.startsWith(part));
let code = 0;
let skipped = 0;
for (const undisturbed of [true, false]) {
  const part = files.filter((file) => isUndisturbed(file) === undisturbed);
  if (part.length === 0) continue;
  const ended = await run([...runner(undisturbed), ...options, ...part], env);
  code ||= ended.code;
  skipped += ended.skipped;
}
if (RUNTIME === 'deno' && files.length < chosen.length) {
  console.log('\nThe tests of the page in a browser (tests/browser) are for Node.js: npm run test:browser.');
}
if (obstacles.length > 0) {
  console.log(`\nNot tested on this machine:\n${obstacles.map((sentence) => `  - ${sentence}`).join('\n')}`);
}
if (code !== 0) console.error('\nTests have failed: look for them above, at the end of each of the parts.');
const incomplete = CI && (obstacles.length > 0 || skipped > 0);
if (incomplete) console.error(`\nIn CI nothing may be left out, and ${skipped} tests were skipped.`);
process.exitCode = code || (incomplete ? 1 : 0);
