/**
 * The simulation by command.
 *
 *   npm run test:sim -- --seeds 2000          so many seeds, from --seed on (1)
 *   npm run test:sim -- --seed 17             one seed, with its trace
 *   npm run test:sim -- --mutations           after how many seeds each deliberate bug is noticed
 *   npm run test:sim -- --hour                an hour at 1,000 occurrences a second, and what is left of it
 */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { catchMutation } from '../tests/sim/mutation.ts';
import { MUTATIONS } from '../tests/sim/mutations.ts';
import { report } from '../tests/sim/report.ts';
import { simulate } from '../tests/sim/simulate.ts';
import { leftOver, soak } from '../tests/sim/soak.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    mutations: { type: 'boolean', default: false },
    hour: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed ?? 1);
const count = Number(values.seeds ?? (values.mutations ? 200 : values.seed ? 1 : 100));

async function oneSeed(): Promise<boolean> {
  const result = await simulate(first);
  console.log(result.violation === null ? result.trace.join('\n') : report(result));
  console.log(`hash ${result.hash}`);
  return result.violation === null;
}

async function manySeeds(): Promise<boolean> {
  const startedMs = performance.now();
  const sums = new Map<string, number>();
  const add = (what: string, number: number) => sums.set(what, (sums.get(what) ?? 0) + number);
  let violations = 0;
  for (let seed = first; seed < first + count; seed++) {
    const result = await simulate(seed);
    for (const [name, times] of result.faults) add(`faults: ${name}`, times);
    add('occurrences settled', result.occurrences);
    add('runs claimed', result.claims);
    add('runs requested by hand', result.requests);
    add('terms', result.terms);
    add('terms by pre-emption', result.preemptions);
    if (result.violation === null) continue;
    console.log(violations++ === 0 ? report(result) : `Seed ${seed}: ${result.violation}`);
  }
  const tookS = (performance.now() - startedMs) / 1000;
  for (const [what, number] of [...sums].sort()) console.log(`${String(number).padStart(9)} ${what}`);
  console.log(
    `${count} seeds in ${tookS.toFixed(1)} s (${
      (count / tookS).toFixed(1)
    } a second): ${violations} violations`,
  );
  return violations === 0;
}

async function mutations(): Promise<boolean> {
  let missed = 0;
  for (const mutation of MUTATIONS) {
    const caught = await catchMutation(mutation, first, count, simulate);
    if (caught === null) missed++;
    const after = caught ? `${caught.seed - first + 1} seeds` : 'NOT noticed';
    console.log(
      `${after.padStart(11)}  ${mutation.name}\n${' '.repeat(13)}${caught?.result.violation ?? ''}`,
    );
  }
  console.log(`${MUTATIONS.length} deliberate bugs, ${missed} not noticed within ${count} seeds`);
  return missed === 0;
}

async function hour(): Promise<boolean> {
  setFlagsFromString('--expose-gc');
  const done = await soak(1000, 3_600_000, runInNewContext('gc') as () => void);
  console.log(done);
  const problems = leftOver(done);
  console.log(problems.length === 0 ? 'Nothing is left over.' : problems.join('\n'));
  return problems.length === 0;
}

const run = values.mutations ? mutations : values.hour ? hour : count === 1 ? oneSeed : manySeeds;
if (!await run()) process.exitCode = 1;
