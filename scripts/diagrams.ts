/**
 * Draws the statecharts of the machines from their definitions: all into docs/statecharts.md, and those that the
 * inspector shows into a file of its page. `--check` only checks that they are up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { adoptionMachine } from '../src/actors/runs/adoption.ts';
import { cancellationMachine } from '../src/actors/runs/cancellation.ts';
import { executorMachine } from '../src/actors/runs/executor.ts';
import { lifeMachine } from '../src/actors/runs/life.ts';
import { termHistoryMachine } from '../src/actors/leadership/termHistory.ts';
import { electionMachine } from '../src/actors/leadership/election.ts';
import { jobMachine } from '../src/actors/runs/job.ts';
import { mirrorMachine } from '../src/actors/schedules/mirror.ts';
import { outcomesMachine } from '../src/actors/runs/outcomes.ts';
import { presenceMachine } from '../src/actors/membership/presence.ts';
import { replicaMachine } from '../src/actors/replica.ts';
import { runMachine } from '../src/actors/runs/run.ts';
import { schedulerMachine } from '../src/actors/firing/scheduler.ts';
import { PROJECT_DIR } from '../src/local/runtime.ts';
import { charts } from './charts.ts';
import { statechart } from './statechart.ts';

const MACHINES = [
  replicaMachine,
  electionMachine,
  mirrorMachine,
  schedulerMachine,
  jobMachine,
  lifeMachine,
  runMachine,
  executorMachine,
  adoptionMachine,
  cancellationMachine,
  outcomesMachine,
  presenceMachine,
  termHistoryMachine,
];
const FILE = join(PROJECT_DIR, 'docs/statecharts.md');
const CHARTS_FILE = join(PROJECT_DIR, 'src/http/inspector/page/charts.json');

let text = await readFile(FILE, 'utf8');
const before = text;
for (const machine of MACHINES) {
  const place = new RegExp(`(<!-- statechart ${machine.id} -->\n)[^]*?(<!-- /statechart -->)`);
  if (!place.test(text)) {
    throw new Error(
      `docs/statecharts.md lacks a place for the ${machine.id}: <!-- statechart ${machine.id} -->`,
    );
  }
  text = text.replace(
    place,
    (_, open, close) => `${open}\n\`\`\`mermaid\n${statechart(machine)}\n\`\`\`\n\n${close}`,
  );
}
const drawn = `${JSON.stringify(charts())}\n`;
const isCurrent = text === before && drawn === await readFile(CHARTS_FILE, 'utf8').catch(() => '');
if (isCurrent) {
  console.log('The statecharts are up to date.');
} else if (process.argv.includes('--check')) {
  console.error(
    'The statecharts in docs/statecharts.md or of the inspector are out of date: run `npm run diagrams`.',
  );
  process.exitCode = 1;
} else {
  await Promise.all([writeFile(FILE, text), writeFile(CHARTS_FILE, drawn)]);
  console.log('Updated the statecharts in docs/statecharts.md and of the inspector.');
}
