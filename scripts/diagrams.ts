/**
 * Draws the statecharts of all machines into ARCHITECTURE.md, from their definitions. With `--check` it only
 * says whether they are up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { adoptionMachine } from '../src/actors/adoption.ts';
import { chronicleMachine } from '../src/actors/chronicle.ts';
import { electionMachine } from '../src/actors/election.ts';
import { jobMachine } from '../src/actors/job.ts';
import { mirrorMachine } from '../src/actors/mirror.ts';
import { outcomesMachine } from '../src/actors/outcomes.ts';
import { presenceMachine } from '../src/actors/presence.ts';
import { replicaMachine } from '../src/actors/replica.ts';
import { runMachine } from '../src/actors/run.ts';
import { schedulerMachine } from '../src/actors/scheduler.ts';
import { PROJECT_DIR } from '../src/local/runtime.ts';
import { statechart } from './statechart.ts';

const MACHINES = [
  replicaMachine,
  electionMachine,
  mirrorMachine,
  schedulerMachine,
  jobMachine,
  runMachine,
  adoptionMachine,
  outcomesMachine,
  presenceMachine,
  chronicleMachine,
];
const FILE = join(PROJECT_DIR, 'ARCHITECTURE.md');

let text = await readFile(FILE, 'utf8');
const before = text;
for (const machine of MACHINES) {
  const place = new RegExp(`(<!-- statechart ${machine.id} -->\n)[^]*?(<!-- /statechart -->)`);
  if (!place.test(text)) {
    throw new Error(`ARCHITECTURE.md has no place for the ${machine.id}: <!-- statechart ${machine.id} -->`);
  }
  text = text.replace(
    place,
    (_, open, close) => `${open}\n\`\`\`mermaid\n${statechart(machine)}\n\`\`\`\n\n${close}`,
  );
}
if (text === before) {
  console.log('The statecharts in ARCHITECTURE.md are up to date.');
} else if (process.argv.includes('--check')) {
  console.error(
    'The statecharts in ARCHITECTURE.md are not those of the machines: `npm run diagrams` draws them again.',
  );
  process.exitCode = 1;
} else {
  await writeFile(FILE, text);
  console.log('Drawn into ARCHITECTURE.md.');
}
