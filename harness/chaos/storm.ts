/** A storm: replicas without faults, then faults while clients send requests, then recovery and the audit. */
import { setTimeout as delay } from 'node:timers/promises';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Collection, ReadConcern } from 'mongodb';
import { MongoSet } from '../cluster/mongoSet.ts';
import { type Findings, NOT_RUN, type RecordedRun } from './audit.ts';
import type { Begun, World } from './faults.ts';
import { Fleet } from './fleet.ts';
import { type Impact, impactOf, type Injection } from './impacts.ts';
import { Ledger } from './ledger.ts';
import { type PlannedFault, type PlannedInjection, planStorm } from './plan.ts';
import { SeededRandom } from './random.ts';
import { Receiver, SIGNING } from './receiver.ts';
import { tallies, type Tally } from './tally.ts';
import { type CountClaims, Traffic } from './traffic.ts';
import { RECOVERY_LIMIT_MS, verdict, within } from './verdict.ts';

const DATABASE = 'chaos';
/** Ids of runs that begin when they are due. */
const FIRED_AT_ONCE = /^(steady|cron|short)-/;

export interface StormOptions {
  binary: string;
  seed: number;
  forMs: number;
  log: (line: string) => void;
  /** Directory for the replicas' log lines and all run records, for an analysis. */
  evidenceDir?: string | undefined;
}

export interface StormResult {
  seed: number;
  injections: Injection[];
  impacts: Impact[];
  findings: Findings;
  tallies: Tally[];
  /** Requests that the receiver got, and the runs that they were for. */
  webhooks: { sent: number; runs: number };
  answers: { answered: number; unanswered: number };
  /** Wrong answers, crashes and logged errors, which no fault excuses. */
  errors: string[];
}

export async function storm({ binary, seed, forMs, log, evidenceDir }: StormOptions): Promise<StormResult> {
  const random = new SeededRandom(seed);
  const set = await MongoSet.start(binary);
  const receiver = await Receiver.start(new SeededRandom(seed));
  const fleet = await Fleet.start(set, {
    ...{ MONGO_DATABASE: DATABASE, HTTP_ACTION_ALLOW: 'loopback' },
    [`SECRET_${SIGNING.name}`]: SIGNING.key,
  });
  try {
    await fleet.leads();
    await fleet.standsBy();
    const ledger = new Ledger();
    const traffic = new Traffic(
      fleet,
      ledger,
      new SeededRandom(random.between(1, 2 ** 30)),
      claimCounter(set),
    );
    await traffic.createSteady(receiver.url);
    await fleet.fires();
    const injections = await inject({ fleet, set }, planStorm(random), traffic, forMs, log);
    const { findings, runs } = await verdict({ fleet, set }, DATABASE, ledger, {
      backfills: traffic.backfills,
      receiver,
    });
    if (evidenceDir !== undefined) {
      await writeEvidence(evidenceDir, { runs, lines: fleet.lines(), injections });
    }
    // Runs that may wait, for their turn or for the next attempt, say nothing about when the leader fires.
    const executions = fleet.executions().filter(({ runId }) => FIRED_AT_ONCE.test(runId));
    return {
      seed,
      injections,
      impacts: injections.map((injection) => impactOf(injection, executions)),
      findings,
      tallies: tallies(runs),
      webhooks: {
        sent: receiver.deliveries.length,
        runs: new Set(receiver.deliveries.map(({ runId }) => runId)).size,
      },
      answers: traffic.answers,
      errors: [...traffic.wrong, ...fleet.crashes(), ...fleet.errors()],
    };
  } finally {
    await fleet.stop();
    await set.stop();
    await receiver.stop();
  }
}

async function writeEvidence(dir: string, lists: Record<string, readonly object[]>): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [name, list] of Object.entries(lists)) {
    await writeFile(join(dir, `${name}.jsonl`), list.map((each) => `${JSON.stringify(each)}\n`).join(''));
  }
}

/** One injection after the other until time is up, while clients send requests. */
async function inject(
  world: World,
  plan: Generator<PlannedInjection, never>,
  traffic: Traffic,
  forMs: number,
  log: (line: string) => void,
): Promise<Injection[]> {
  const over = new AbortController();
  const clients = traffic.run(over.signal);
  const done: Injection[] = [];
  const startedMs = performance.now();
  while (performance.now() - startedMs < forMs) {
    const planned = plan.next().value;
    await delay(planned.quietMs);
    const injection = await injectOne(world, planned, (line) => {
      log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}`);
    });
    done.push(injection);
  }
  over.abort();
  await clients;
  return done;
}

async function injectOne(
  world: World,
  { faults }: PlannedInjection,
  log: (line: string) => void,
): Promise<Injection> {
  const { fleet } = world;
  const leader = fleet.leader();
  const deposed = leader.name;
  const beganMs = performance.now();
  const hits = await Promise.all(faults.map((fault) => undergo(world, fault, log)));
  await within(RECOVERY_LIMIT_MS, fleet.fires(), 'no replica fires');
  return {
    kinds: faults.map(({ kind }) => kind.name),
    beganMs,
    overMs: performance.now(),
    deposed: hits.some(({ hit }) => hit === leader) ? deposed : null,
  };
}

/** Resolves when the fault is over and its targets are back. */
async function undergo(
  world: World,
  { kind, chance, holdMs }: PlannedFault,
  log: (line: string) => void,
): Promise<Begun> {
  const begun = await kind.begin(world, chance);
  log(`${kind.name}, ${begun.targets}, for ${holdMs} ms`);
  await delay(holdMs);
  await within(RECOVERY_LIMIT_MS, begun.end(), `${begun.targets} has not recovered from: ${kind.name}`);
  return begun;
}

/**
 * Counts at a moment after the call: its own write, acknowledged by a majority, and a causally consistent read
 * after it.
 */
function claimCounter({ client }: MongoSet): CountClaims {
  const db = client.db(DATABASE);
  const runs: Collection<RecordedRun> = db.collection('runs');
  return (schedule_id, schedule_revision) =>
    client.withSession({ causalConsistency: true }, async (session) => {
      const touched = { session, upsert: true, writeConcern: { w: 'majority' as const } };
      await db.collection<{ _id: string }>('harness').updateOne({ _id: 'now' }, { $inc: { n: 1 } }, touched);
      const filter = { schedule_id, schedule_revision, state: { $nin: [...NOT_RUN] } };
      return await runs.countDocuments(filter, { session, readConcern: new ReadConcern('majority') });
    }).catch(() => null);
}
