/**
 * `npm run test:k8s -- --image NAME:TAG [--mongo-image NAME:TAG] [--only TEXT] [--keep] [--evidence FILE]` (or
 * K8S_IMAGE and K8S_MONGO_IMAGE): installs the product in a temporary namespace of the cluster of kubectl's current
 * context, runs the scenarios (deleted, killed and frozen leaders, rolling restarts, a drain), measures the
 * takeovers, and audits every occurrence. The cluster must be able to pull the images: nothing is built or pushed.
 * The evidence is a file with all runs, and the begin and end of each scenario.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { printableText } from '../src/infra/log/printable.ts';
import type { Ledger } from '../harness/chaos/ledger.ts';
import { table } from '../harness/chaos/report.ts';
import { Installation, until } from '../harness/k8s/installation.ts';
import { COLUMNS, measure, row, type Window } from '../harness/k8s/measure.ts';
import { PodLogs } from '../harness/k8s/podLogs.ts';
import { type Scenario, SCENARIOS } from '../harness/k8s/scenarios.ts';
import { allRuns, clockOffset, createSteady, FASTEST } from '../harness/k8s/schedules.ts';
import { type Verdict, verdict } from '../harness/k8s/verdict.ts';
import { apiServer } from './kube/apiServer.ts';

/** Time without disturbance before each scenario. */
const QUIET_MS = 2_000;
/** Violations printed of each kind. */
const SHOWN = 10;

const { values: options } = parseArgs({
  options: {
    image: { type: 'string', default: process.env.K8S_IMAGE },
    'mongo-image': { type: 'string', default: process.env.K8S_MONGO_IMAGE },
    only: { type: 'string', default: '' },
    keep: { type: 'boolean', default: false },
    evidence: { type: 'string' },
  },
});

const say = (text: string) => console.log(`${new Date().toISOString().slice(11, 19)}  ${text}`);
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

async function main(): Promise<void> {
  const { image, 'mongo-image': mongo } = options;
  if (!image) {
    throw new Error('The image is missing: npm run test:k8s -- --image NAME:TAG (or set K8S_IMAGE).');
  }
  const api = await apiServer();
  const at = new Installation(api, `hascheduler-test-${randomBytes(3).toString('hex')}`);
  const logs = new PodLogs(at);
  // Ctrl-C cleans up as well.
  process.once('SIGINT', async () => {
    await at.remove();
    process.exit(130);
  });
  try {
    say(`installing ${image} in the namespace ${at.namespace}`);
    const ledger = await install(at, { hascheduler: image, ...(mongo && { mongo }) }, logs);
    const { offsetMs, withinMs } = await clockOffset(at);
    say(`the server's clock is ${offsetMs.toFixed(0)} ms ahead (± ${withinMs.toFixed(0)} ms)`);
    const nowMs = () => Date.now() + offsetMs;
    const windows: Window[] = [];
    for (const scenario of SCENARIOS.filter(({ name }) => name.includes(options.only))) {
      windows.push(await disturb(at, scenario, nowMs));
    }
    const result = await verdict(at, ledger, logs, nowMs());
    report(windows, result, logs);
    if (options.evidence) await writeFile(options.evidence, JSON.stringify({ windows, runs: result.runs }));
    console.log(`\nLeadership events:\n${printableText(await leadershipEvents(at))}`);
  } finally {
    await logs.close();
    if (options.keep) say(`keeping the namespace; delete it with: kubectl delete namespace ${at.namespace}`);
    else {
      await at.remove();
      say(`the namespace ${at.namespace} is being deleted`);
    }
    api.close();
  }
}

async function install(
  at: Installation,
  images: Readonly<Record<string, string>>,
  logs: PodLogs,
): Promise<Ledger> {
  const startedMs = performance.now();
  const since = () => seconds(performance.now() - startedMs);
  await at.apply(images);
  logs.start();
  await until('no replica leads', async () => (await at.leader()).term > 0);
  const ledger = await createSteady(at);
  await until('no run exists', async () => (await allRuns(at)).length > 0);
  say(`first run ${since()} after the start of kubectl apply`);
  await at.settled();
  say(`three replicas and three members are ready after ${since()}, under the restricted Pod Security level`);
  return ledger;
}

async function disturb(at: Installation, { name, run }: Scenario, nowMs: () => number): Promise<Window> {
  const leader = await at.settled();
  await at.passes(nowMs() + QUIET_MS);
  let actedMs = nowMs();
  const remark = await run(at, leader, () => actedMs = nowMs()).catch((error: Error) => {
    process.exitCode = 1;
    return `FAILED: ${error.message}`;
  });
  await at.settled();
  await at.passes(nowMs());
  const endedMs = nowMs();
  say(`${name}: over after ${seconds(endedMs - actedMs)}`);
  return { name, term: leader.term, actedMs, endedMs, remark };
}

function report(
  windows: readonly Window[],
  { findings, runs }: Verdict,
  { errors }: PodLogs,
): void {
  console.log(`\n${table(COLUMNS, windows.map((window) => row(measure(window, runs, FASTEST))))}\n`);
  const { counts, lost, doubled, notOwed, unlogged, oldTerm, open } = findings;
  console.log(
    `audit: ${counts.occurrences} occurrences: ${counts.claimed} claimed, ${counts.missed} missed, ` +
      `${counts.skipped} skipped, ${lost.length} lost, ${doubled.length} doubled; ` +
      `${counts.executions} attempts in the logs, ${counts['re-attempted']} of them retries; ` +
      `${unlogged.length} runs succeeded without a logged attempt`,
  );
  const violations = {
    lost,
    doubled,
    'not owed': notOwed,
    'claimed under an old term': oldTerm,
    'left open': open,
    errors,
  };
  for (const [name, sentences] of Object.entries(violations)) {
    if (sentences.length === 0) continue;
    process.exitCode = 1;
    console.log(
      `${name}: ${sentences.length}\n${sentences.slice(0, SHOWN).map((line) => `  ${line}\n`).join('')}`,
    );
  }
}

async function leadershipEvents({ api, namespace }: Installation): Promise<string> {
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  const { items } = await api.get<{ items: { eventTime: string; reason: string; note: string }[] }>(path);
  return items.filter(({ reason }) => reason.startsWith('Leadership'))
    .toSorted((a, b) => a.eventTime.localeCompare(b.eventTime))
    .map(({ eventTime, reason, note }) => `  ${eventTime.slice(11, 23)}  ${reason.padEnd(20)} ${note}`).join(
      '\n',
    );
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
