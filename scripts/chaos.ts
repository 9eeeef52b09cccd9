/**
 * A storm of faults over real processes: `npm run test:chaos -- --minutes 20 --seed 7`. Three replicas and a
 * MongoDB of three members, then an audit. The exit code is 1 if it finds a violation. `--evidence DIR` writes
 * the replicas' log lines and all run records to the directory.
 */
import { parseArgs } from 'node:util';
import { report, violations } from '../harness/chaos/report.ts';
import { storm } from '../harness/chaos/storm.ts';
import { mongodForSets } from '../harness/cluster/mongoSet.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    evidence: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error('--minutes must be a positive number, and --seed a whole number.');
  process.exit(2);
}
const { binary, skip } = await mongodForSets();
if (skip) throw new Error(skip);
console.log(`seed ${seed}, ${minutes} minutes`);
const result = await storm({
  binary,
  seed,
  forMs: minutes * 60_000,
  log: console.log,
  evidenceDir: values.evidence,
});
console.log(`\n${report(result)}`);
if (violations(result).some(([, sentences]) => sentences.length > 0)) process.exitCode = 1;
