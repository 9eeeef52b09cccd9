/**
 * The simulation by command.
 *
 *   npm run test:sim -- --seeds 2000          so many seeds, from --seed on (1), in --workers processes (one a core)
 *   npm run test:sim -- --seed 17             one seed, with its trace
 *   npm run test:sim -- --mutations           after how many seeds each deliberate bug is noticed
 *   npm run test:sim -- --mutation NAME       the same of one, or of several
 *   npm run test:sim -- --hour                an hour at 1,000 occurrences a second, and what is left of it
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

async function oneSeed(): Promise<boolean> {
  const result = await simulate(first);
  console.log(result.violation === null ? result.trace.join('\n') : report(result));
  console.log(`hash ${result.hash}`);
  return result.violation === null;
}

/** What was counted, by name. */
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
  const violations = workers > 1 ? await sharedOut(workers, sums) : await oneByOne(sums);
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
    sums.add('runs requested by hand', result.requests);
    sums.add('terms', result.terms);
    sums.add('terms by pre-emption', result.preemptions);
    if (result.violation === null) continue;
    console.log(violations++ === 0 ? report(result) : `Seed ${seed}: ${result.violation}`);
  }
  return violations;
}

/** Each process takes a part of the seeds, and says what this one adds up. */
async function sharedOut(workers: number, sums: Sums): Promise<number> {
  const share = Math.ceil(count / workers);
  const parts = Array.from({ length: Math.ceil(count / share) }, (_, part) => ({
    seed: first + part * share,
    seeds: Math.min(share, count - part * share),
  }));
  const violations = await Promise.all(parts.map(({ seed, seeds }) => inProcess(seed, seeds, sums)));
  return violations.reduce((sum, some) => sum + some, 0);
}

async function inProcess(seed: number, seeds: number, sums: Sums): Promise<number> {
  let violations: number | null = null;
  const code = await byItself(['--seed', `${seed}`, '--seeds', `${seeds}`], (line) => {
    const [, number, what] = /^ *(\d+) ((?:faults: |occurrences |runs |terms).*)$/.exec(line) ?? [];
    const [, found] = /^\d+ seeds in .*: (\d+) violations$/.exec(line) ?? [];
    if (what !== undefined) sums.add(what, Number(number));
    else if (found !== undefined) violations = Number(found);
    else console.log(line);
  });
  if (violations === null) throw new Error(`The seeds from ${seed} on came to no end: exit code ${code}.`);
  return violations;
}

/** Runs this command in a process of one core, and resolves with its exit code. */
async function byItself(args: readonly string[], onLine: (line: string) => void): Promise<number | null> {
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
  const missed = shares.length > 1 ? await Promise.all(shares.map(missedByItself)) : [await missedOf(names)];
  const sum = missed.reduce((all, some) => all + some, 0);
  console.log(`${names.length} deliberate bugs, ${sum} not noticed within ${count} seeds`);
  return sum === 0;
}

/** How many of them are not noticed. */
async function missedOf(names: readonly string[]): Promise<number> {
  let missed = 0;
  for (const name of names) {
    const mutation = MUTATIONS.find((each) => each.name === name);
    if (!mutation) throw new Error(`There is no mutation "${name}" in harness/sim/mutations.ts.`);
    const caught = await catchMutation(mutation, first, count, simulate);
    if (caught === null) missed++;
    const after = caught ? seedsOf(caught.seed - first + 1) : 'NOT noticed';
    console.log(`${after.padStart(11)}  ${name}${caught ? `: ${caught.result.violation}` : ''}`);
  }
  return missed;
}

function seedsOf(number: number): string {
  return number === 1 ? '1 seed ' : `${number} seeds`;
}

async function missedByItself(names: readonly string[]): Promise<number> {
  const args = names.flatMap((name) => ['--mutation', name]);
  let missed: number | null = null;
  const code = await byItself([...args, '--seed', `${first}`, '--seeds', `${count}`], (line) => {
    const [, found] = /^\d+ deliberate bugs, (\d+) not noticed/.exec(line) ?? [];
    if (found === undefined) console.log(line);
    else missed = Number(found);
  });
  if (missed === null) throw new Error(`Some of the mutations came to no end: exit code ${code}.`);
  return missed;
}

async function hour(): Promise<boolean> {
  setFlagsFromString('--expose-gc');
  const done = await soak(1000, 3_600_000, runInNewContext('gc') as () => void);
  console.log(done);
  const problems = leftOver(done);
  console.log(problems.length === 0 ? 'Nothing is left over.' : problems.join('\n'));
  return problems.length === 0;
}

const run = triesMutations ? mutations : values.hour ? hour : count === 1 ? oneSeed : manySeeds;
if (!await run()) process.exitCode = 1;
