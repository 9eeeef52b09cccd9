/**
 * Runs the tests on the runtime that runs this script, Node or Deno. An argument selects the test files whose path
 * contains it; arguments with a dash go to the test runner. What this machine can't run is listed at the end; with
 * CI=true it is an error.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../src/infra/machine/clock.ts';
import { findMongod } from '../src/local/mongod/find.ts';
import { PROJECT_DIR, RUNTIME } from '../src/local/runtime.ts';
import { findChromium } from '../harness/cluster/chromium.ts';
import { findFaketime } from '../harness/cluster/faketime.ts';
import { passOn, type Results } from './testOutput.ts';

const CI = process.env.CI === 'true';

/** Tests of the page in a browser use playwright-core, which supports Node.js only. */
const BROWSER_TESTS = join('tests', 'browser');

/** Run alone, since they measure the time of a takeover. */
const MEASURING = [join('e2e', 'peers'), join('e2e', 'takeover'), join('local', 'takeover')];
/** Run alone, since they use all cores by themselves. */
const DEMANDING = [join('sim', 'sim'), join('sim', 'mutations'), join('chaos', 'chaos')];
/** Besides the tests of the page: a browser, three replicas and a MongoDB each are enough for a machine. */
const ALONE = [...MEASURING, ...DEMANDING].map((file) => join('tests', `${file}.test.ts`));
/** All others run in parallel, those first that take longest. They wait more than they compute. */
const LONGEST = ['e2e', 'store'].map((part) => join('tests', part));
const JOBS = 2 * availableParallelism();

/** The limit is for whole files, one of which runs hundreds of simulations. */
function runner(parallel: boolean): string[] {
  if (RUNTIME === 'deno') return ['test', '-A', '--no-check', ...(parallel ? ['--parallel'] : [])];
  const limits = [`--test-concurrency=${parallel ? JOBS : 1}`, '--test-timeout=1200000'];
  return ['--import', 'tsx', '--test', ...limits, '--test-reporter=spec'];
}

function testFiles(filters: readonly string[]): string[] {
  const all = readdirSync(join(PROJECT_DIR, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts')).map((name) => join('tests', name)).toSorted();
  return filters.length === 0 ? all : all.filter((file) => filters.some((filter) => file.includes(filter)));
}

function isAlone(file: string): boolean {
  return ALONE.includes(file) || file.startsWith(BROWSER_TESTS);
}

function longestFirst(a: string, b: string): number {
  const isLong = (file: string) => LONGEST.some((part) => file.startsWith(part)) ? 1 : 0;
  return isLong(b) - isLong(a);
}

/** Why the page can't be tested in a browser on this machine, as a sentence; null when it can. */
function browserObstacle(): string | null {
  const { binary, tried } = findChromium();
  return binary === null
    ? `The page in a browser: no Chromium was found (${
      tried.join('; ')
    }). Install one, or set CHROMIUM_BINARY.`
    : null;
}

/** The tests that set the clock of a mongod. */
const CLOCK_TESTS = join('tests', 'e2e', 'clockSteps.test.ts');

/** Why the clock of a mongod can't be set on this machine, as a sentence; null when it can. */
function clockObstacle(): string | null {
  const { library, tried } = findFaketime();
  return library === null
    ? `Steps of the database server's clock: libfaketime was not found (${
      tried.join('; ')
    }). Install the package libfaketime.`
    : null;
}

/** What can't be tested on this machine, as sentences, and the environment of the tests. */
async function prepare(): Promise<{ obstacles: string[]; env: NodeJS.ProcessEnv }> {
  const found = await findMongod({ clock: systemClock(), log: console.log }).catch((error: Error) => ({
    binary: null,
    tried: [error.message],
  }));
  if (found.binary !== null) return { obstacles: [], env: { ...process.env, MONGOD_BINARY: found.binary } };
  const tried = found.tried.map((sentence) => `\n    - ${sentence}`).join('');
  return {
    obstacles: [`Everything that needs a real MongoDB: no mongod was found.${tried}`],
    env: process.env,
  };
}

/** Runs the tests; resolves with the exit code of the runner and what it printed. */
async function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Results & { code: number }> {
  const colour = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : {};
  const child = spawn(process.execPath, args, {
    cwd: PROJECT_DIR,
    env: { ...env, ...colour, DENO_JOBS: `${JOBS}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [results, [code]] = await Promise.all([passOn(child.stdout, console.log), once(child, 'close')]);
  return { ...results, code: code ?? 1 };
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
const skipsBrowser = RUNTIME === 'deno' || noBrowser !== null;
const files = skipsBrowser ? chosen.filter((file) => !isForBrowser(file)) : chosen;
const { obstacles, env } = await prepare();
if (noBrowser !== null) obstacles.push(noBrowser);
const noClock = chosen.includes(CLOCK_TESTS) ? clockObstacle() : null;
if (noClock !== null) obstacles.push(noClock);
let code = 0;
let skipped = 0;
const failures: string[] = [];
for (const parallel of [true, false]) {
  const part = files.filter((file) => isAlone(file) !== parallel).sort(longestFirst);
  if (part.length === 0) continue;
  const ended = await run([...runner(parallel), ...options, ...part], env);
  code ||= ended.code;
  skipped += ended.skipped;
  failures.push(...ended.failures);
}
if (RUNTIME === 'deno' && files.length < chosen.length) {
  console.log(
    '\nThe tests of the page in a browser (tests/browser) run on Node.js only: npm run test:browser.',
  );
}
if (obstacles.length > 0) {
  console.log(`\nNot tested on this machine:\n${obstacles.map((sentence) => `  - ${sentence}`).join('\n')}`);
}
if (code !== 0) {
  console.error(`\nTests have failed; more of each is above.\n${failures.join('\n')}`);
}
const incomplete = CI && (obstacles.length > 0 || skipped > 0);
if (incomplete) {
  console.error(
    `\nIn CI no test may be left out: ${skipped} were skipped${
      obstacles.length > 0 ? ", and some can't run on this machine" : ''
    }.`,
  );
}
process.exitCode = code || (incomplete ? 1 : 0);
