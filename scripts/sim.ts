/**
 * The simulation as a command.
 *
 *   npm run test:sim -- --seeds 2000          2,000 seeds from --seed (1) on, in --workers processes (one per core)
 *   npm run test:sim -- --seed 17             one seed, with its trace
 *   npm run test:sim -- --mutations           the number of seeds after which each deliberate bug is detected
 *   npm run test:sim -- --mutation NAME       the same for one bug; may be repeated
 *   npm run test:sim -- --hour                an hour at 1,000 occurrences a second, and a check for leaks
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { runtimeCommand } from '../src/local/runtime.ts';
import { catchMutation } from '../harness/sim/mutation.ts';
import { MUTATIONS } from '../harness/sim/mutations.ts';
import { report } from '../harness/sim/report.ts';
import { simulate } from '../harness/sim/simulate.ts';
import { leftOver, soak } from '../harness/sim/soak.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    workers: { type: 'string' },
    mutations: { type: 'boolean', default: false },
    mutation: { type: 'string', multiple: true },
    hour: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed ?? 1);
const triesMutations = values.mutations || values.mutation !== undefined;
const count = Number(values.seeds ?? (triesMutations ? 200 : values.seed ? 1 : 100));
const cores = Number(values.workers ?? availableParallelism());

/** Seeds of one process between two lines about its progress. */
const PROGRESS_EVERY = 200;

async function oneSeed(): Promise<boolean> {
  const result = await simulate(first);
  console.log(result.violation === null ? result.trace.join('\n') : report(result));
  console.log(`hash ${result.hash}`);
  return result.violation === null;
}

/** Sums by name. */
class Sums {
  readonly #sums = new Map<string, number>();

  add(what: string, number: number): void {
    this.#sums.set(what, (this.#sums.get(what) ?? 0) + number);
  }

  print(): void {
    for (const [what, number] of [...this.#sums].sort()) console.log(`${String(number).padStart(9)} ${what}`);
  }
}

async function manySeeds(): Promise<boolean> {
  const startedMs = performance.now();
  const sums = new Sums();
  const workers = Math.min(cores, count);
  const violations = workers > 1 ? await inWorkers(workers, sums) : await oneByOne(sums);
  const tookS = (performance.now() - startedMs) / 1000;
  sums.print();
  console.log(
    `${count} seeds in ${tookS.toFixed(1)} s (${
      (count / tookS).toFixed(1)
    } a second): ${violations} violations`,
  );
  return violations === 0;
}

async function oneByOne(sums: Sums): Promise<number> {
  let violations = 0;
  for (let seed = first; seed < first + count; seed++) {
    const result = await simulate(seed);
    for (const [name, times] of result.faults) sums.add(`faults: ${name}`, times);
    sums.add('occurrences settled', result.occurrences);
    sums.add('runs claimed', result.claims);
    sums.add('manual runs requested', result.requests);
    sums.add('runs backfilled', result.backfilled);
    sums.add('backfills completed', result.backfills);
    for (const [what, times] of Object.entries(result.lives)) sums.add(what, times);
    sums.add('terms', result.terms);
    sums.add('terms by pre-emption', result.preemptions);
    const done = seed - first + 1;
    if (done % PROGRESS_EVERY === 0 && done < count) console.log(`seeds from ${first}: ${done} of ${count}`);
    if (result.violation === null) continue;
    console.log(violations++ === 0 ? report(result) : `Seed ${seed}: ${result.violation}`);
  }
  return violations;
}

/** Each process simulates a part of the seeds and prints its sums, which are added here. */
async function inWorkers(workers: number, sums: Sums): Promise<number> {
  const share = Math.ceil(count / workers);
  const parts = Array.from({ length: Math.ceil(count / share) }, (_, part) => ({
    seed: first + part * share,
    seeds: Math.min(share, count - part * share),
  }));
  const violations = await Promise.all(parts.map(({ seed, seeds }) => inWorker(seed, seeds, sums)));
  return violations.reduce((sum, some) => sum + some, 0);
}

async function inWorker(seed: number, seeds: number, sums: Sums): Promise<number> {
  let violations: number | null = null;
  const code = await runSelf(['--seed', `${seed}`, '--seeds', `${seeds}`], (line) => {
    const [, number, what] =
      /^ *(\d+) ((?:faults: |occurrences |runs |manual |backfills |terms).*)$/.exec(line) ?? [];
    const [, found] = /^\d+ seeds in .*: (\d+) violations$/.exec(line) ?? [];
    if (what !== undefined) sums.add(what, Number(number));
    else if (found !== undefined) violations = Number(found);
    else console.log(line);
  });
  if (violations === null) {
    throw new Error(`The process for the seeds from ${seed} on failed with exit code ${code}.`);
  }
  return violations;
}

/** Runs this script in another process, without workers; resolves with its exit code. */
async function runSelf(args: readonly string[], onLine: (line: string) => void): Promise<number | null> {
  const [program, ...rest] = runtimeCommand(fileURLToPath(import.meta.url), [...args, '--workers', '1']);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', onLine);
  const [code] = await once(child, 'close');
  return code;
}

async function mutations(): Promise<boolean> {
  const names = values.mutation ?? MUTATIONS.map(({ name }) => name);
  const shares = Array.from({ length: Math.min(cores, names.length) }, (_, share) => (
    names.filter((_name, index) => index % cores === share)
  ));
  const missed = shares.length > 1 ? await Promise.all(shares.map(missedInWorker)) : [await missedOf(names)];
  const sum = missed.reduce((all, some) => all + some, 0);
  console.log(`${names.length} deliberate bugs, ${sum} not detected within ${count} seeds`);
  return sum === 0;
}

/** The number of bugs that are not detected. */
async function missedOf(names: readonly string[]): Promise<number> {
  let missed = 0;
  for (const name of names) {
    const mutation = MUTATIONS.find((each) => each.name === name);
    if (!mutation) throw new Error(`There is no mutation "${name}" in harness/sim/mutations.ts.`);
    const caught = await catchMutation(mutation, first, count, simulate);
    if (caught === null) missed++;
    const after = caught ? seedsOf(caught.seed - first + 1) : 'undetected';
    console.log(`${after.padStart(11)}  ${name}${caught ? `: ${caught.result.violation}` : ''}`);
  }
  return missed;
}

function seedsOf(number: number): string {
  return number === 1 ? '1 seed ' : `${number} seeds`;
}

async function missedInWorker(names: readonly string[]): Promise<number> {
  const args = names.flatMap((name) => ['--mutation', name]);
  let missed: number | null = null;
  const code = await runSelf([...args, '--seed', `${first}`, '--seeds', `${count}`], (line) => {
    const [, found] = /^\d+ deliberate bugs, (\d+) not detected/.exec(line) ?? [];
    if (found === undefined) console.log(line);
    else missed = Number(found);
  });
  if (missed === null) throw new Error(`The process for ${names.join(', ')} failed with exit code ${code}.`);
  return missed;
}

async function hour(): Promise<boolean> {
  setFlagsFromString('--expose-gc');
  const done = await soak(1000, 3_600_000, runInNewContext('gc') as () => void);
  console.log(done);
  const problems = leftOver(done);
  console.log(problems.length === 0 ? 'Nothing has leaked.' : problems.join('\n'));
  return problems.length === 0;
}

const run = triesMutations ? mutations : values.hour ? hour : count === 1 ? oneSeed : manySeeds;
if (!await run()) process.exitCode = 1;
