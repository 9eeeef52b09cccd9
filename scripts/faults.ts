/**
 * `faults.ts kill` and `faults.ts pause [SECONDS]`, for `just kill-leader` and `just pause-leader`: on the local
 * cluster if one runs here, else on the Kubernetes cluster of kubectl's current context.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../src/infra/machine/clock.ts';
import { printableText } from '../src/infra/log/printable.ts';
import { DATA_DIR, readClusterFile } from '../src/local/clusterFile.ts';
import { isAlive } from '../src/local/dataDir.ts';
import { awaitFollower, disturb, findTarget, type Takeover, type Target } from '../src/local/takeover.ts';
import { withKubernetesTarget } from './kube/target.ts';

const MAX_PAUSE_S = 3_600;
const clock = systemClock();

/** Escapes terminal control sequences: names of replicas, and their answers, are printed. */
const print = (text: string) => console.log(printableText(text));

async function withTarget(use: (target: Target) => Promise<void>): Promise<void> {
  const cluster = await readClusterFile(DATA_DIR);
  if (cluster && isAlive(cluster.pid)) return await use(await findTarget(DATA_DIR, clock));
  print('No local cluster runs here (`npm start`): using the Kubernetes cluster of the current context.');
  await withKubernetesTarget({ namespace: process.env.NAMESPACE ?? 'hascheduler', log: print }, use);
}

function report({ before, after, tookMs }: Takeover): void {
  const who = after.replica === before.replica ? `${after.replica} (restarted)` : after.replica;
  print(
    `${who} leads with term ${after.term}, ${
      Math.round(tookMs)
    } ms after the signal to ${before.replica} (term ${before.term}).`,
  );
}

async function kill(target: Target): Promise<void> {
  const { replica, term } = target.leadership;
  print(`${replica} leads with term ${term}: SIGKILL to ${target.process}.`);
  report(await disturb(target, 'SIGKILL', clock));
}

async function pause(target: Target, seconds: number): Promise<void> {
  const { replica, term } = target.leadership;
  const wake = () => target.signal('SIGCONT');
  // The process must not stay frozen when this command is interrupted.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await wake();
      process.exit(130);
    });
  }
  print(`${replica} leads with term ${term}: SIGSTOP to ${target.process}, for ${seconds} s.`);
  const frozenMs = performance.now();
  try {
    report(await disturb(target, 'SIGSTOP', clock));
    await delay(Math.max(0, seconds * 1000 - (performance.now() - frozenMs)));
  } finally {
    await wake();
  }
  print(`${replica} runs again (SIGCONT).`);
  print(`${replica} is a follower, ${Math.round(await awaitFollower(target, clock))} ms after SIGCONT.`);
}

const [what, secondsText = '6'] = process.argv.slice(2);
const seconds = Number(secondsText);
try {
  if (what === 'kill') await withTarget(kill);
  else if (what === 'pause' && seconds > 0 && seconds <= MAX_PAUSE_S) {
    await withTarget((target) => pause(target, seconds));
  } else {
    throw new Error(
      `Usage: faults.ts kill | faults.ts pause [SECONDS], with SECONDS from 1 to ${MAX_PAUSE_S} (default 6).`,
    );
  }
} catch (error) {
  console.error(printableText(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
}
