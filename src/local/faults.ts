/** `faults.ts kill` and `faults.ts pause [SECONDS]`: what `just kill-leader` and `just pause-leader` run. */
import { setTimeout as delay } from 'node:timers/promises';
import { DATA_DIR } from './clusterFile.ts';
import { signalled } from './guarded.ts';
import { awaitFollower, disturb, findTarget, type Takeover } from './takeover.ts';

/** Beyond this, who still waits for it? */
const LONGEST_PAUSE_S = 3_600;

function report({ before, after, tookMs }: Takeover): void {
  const who = after.replica === before.replica ? `${after.replica}, started again,` : after.replica;
  console.log(
    `${who} leads with term ${after.term}, ${
      Math.round(tookMs)
    } ms after the signal to ${before.replica} (term ${before.term}).`,
  );
}

async function kill(): Promise<void> {
  const target = await findTarget(DATA_DIR);
  console.log(
    `${target.leadership.replica} leads with term ${target.leadership.term}: SIGKILL to process ${target.pid}.`,
  );
  report(await disturb(target, 'SIGKILL'));
}

async function pause(seconds: number): Promise<void> {
  const target = await findTarget(DATA_DIR);
  const { replica, term } = target.leadership;
  const wake = () => signalled(target.pid, 'SIGCONT');
  // A frozen process must not be left behind, whatever happens here.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => (wake(), process.exit(130)));
  }
  console.log(`${replica} leads with term ${term}: SIGSTOP to process ${target.pid}, for ${seconds} s.`);
  const frozenMs = performance.now();
  try {
    report(await disturb(target, 'SIGSTOP'));
    await delay(Math.max(0, seconds * 1000 - (performance.now() - frozenMs)));
  } finally {
    wake();
  }
  console.log(`${replica} is awake again (SIGCONT).`);
  console.log(`${replica} is a follower, ${Math.round(await awaitFollower(target))} ms after it woke.`);
}

const [what, secondsText = '6'] = process.argv.slice(2);
const seconds = Number(secondsText);
try {
  if (what === 'kill') await kill();
  else if (what === 'pause' && seconds > 0 && seconds <= LONGEST_PAUSE_S) await pause(seconds);
  else {throw new Error(
      `Usage: faults.ts kill | faults.ts pause [SECONDS], with SECONDS from 1 to ${LONGEST_PAUSE_S} (default 6).`,
    );}
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
