/** A storm from beginning to end: calm, faults while clients go on, calm again, and the audit. */
import { setTimeout as delay } from 'node:timers/promises';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Collection, ReadConcern } from 'mongodb';
import { MongoSet } from '../cluster/mongoSet.ts';
import type { Findings, Recorded } from './audit.ts';
import { Book } from './book.ts';
import type { Begun, World } from './faults.ts';
import { Fleet } from './fleet.ts';
import { type Blow, type Impact, impactOf } from './impacts.ts';
import { type PlannedBlow, type PlannedFault, planStorm } from './plan.ts';
import { SeededRandom } from './random.ts';
import { type CountClaims, Traffic } from './traffic.ts';
import { CALM_WITHIN_MS, verdict, within } from './verdict.ts';

const DATABASE = 'chaos';

export interface StormOptions {
  binary: string;
  seed: number;
  forMs: number;
  log: (line: string) => void;
  /** Where to leave the replicas' lines and all run records, for whoever wants to know how it came. */
  evidenceDir?: string | undefined;
}

export interface StormResult {
  seed: number;
  blows: Blow[];
  impacts: Impact[];
  findings: Findings;
  answers: { answered: number; unanswered: number };
  /** Wrong answers, crashes, errors: whatever no fault excuses. */
  troubles: string[];
}

export async function storm({ binary, seed, forMs, log, evidenceDir }: StormOptions): Promise<StormResult> {
  const random = new SeededRandom(seed);
  const set = await MongoSet.start(binary);
  const fleet = await Fleet.start(set, { MONGO_DATABASE: DATABASE });
  try {
    await fleet.leads();
    await fleet.standsBy();
    const book = new Book();
    const traffic = new Traffic(fleet, book, new SeededRandom(random.between(1, 2 ** 30)), claimCounter(set));
    await traffic.makeSteady();
    await fleet.fires();
    const blows = await rage({ fleet, set }, planStorm(random), traffic, forMs, log);
    const { findings, runs } = await verdict({ fleet, set }, DATABASE, book);
    if (evidenceDir !== undefined) await leaveEvidence(evidenceDir, { runs, lines: fleet.lines(), blows });
    const executions = fleet.executions();
    return {
      seed,
      blows,
      impacts: blows.map((blow) => impactOf(blow, executions)),
      findings,
      answers: traffic.answers,
      troubles: [...traffic.wrong, ...fleet.crashes(), ...fleet.errors()],
    };
  } finally {
    await fleet.stop();
    await set.stop();
  }
}

async function leaveEvidence(dir: string, lists: Record<string, readonly object[]>): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [name, list] of Object.entries(lists)) {
    await writeFile(join(dir, `${name}.jsonl`), list.map((each) => `${JSON.stringify(each)}\n`).join(''));
  }
}

/** One blow after the other until time is up; clients go on all the while. */
async function rage(
  world: World,
  plan: Generator<PlannedBlow, never>,
  traffic: Traffic,
  forMs: number,
  log: (line: string) => void,
): Promise<Blow[]> {
  const over = new AbortController();
  const clients = traffic.run(over.signal);
  const blows: Blow[] = [];
  const startedMs = performance.now();
  while (performance.now() - startedMs < forMs) {
    const blow = plan.next().value;
    await delay(blow.quietMs);
    const done = await strike(world, blow, (line) => {
      log(`${((performance.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}`);
    });
    blows.push(done);
  }
  over.abort();
  await clients;
  return blows;
}

async function strike(world: World, { faults }: PlannedBlow, log: (line: string) => void): Promise<Blow> {
  const { fleet } = world;
  const leader = fleet.leader();
  const deposed = leader.name;
  const beganMs = performance.now();
  const hits = await Promise.all(faults.map((fault) => suffer(world, fault, log)));
  await within(CALM_WITHIN_MS, fleet.fires(), 'nothing fires any more');
  return {
    kinds: faults.map(({ kind }) => kind.name),
    beganMs,
    overMs: performance.now(),
    deposed: hits.some(({ hit }) => hit === leader) ? deposed : null,
  };
}

async function suffer(
  world: World,
  { kind, chance, holdMs }: PlannedFault,
  log: (line: string) => void,
): Promise<Begun> {
  const begun = await kind.begin(world, chance);
  log(`${kind.name}, ${begun.what}, for ${holdMs} ms`);
  await delay(holdMs);
  await within(CALM_WITHIN_MS, begun.end(), `what was hit by ${kind.name} does not come back`);
  return begun;
}

/**
 * Counts at a moment that is certainly after the call: a write of its own that a majority has accepted, and a
 * read of what was there by then.
 */
function claimCounter({ client }: MongoSet): CountClaims {
  const db = client.db(DATABASE);
  const runs: Collection<Recorded> = db.collection('runs');
  return (schedule_id, schedule_revision) =>
    client.withSession({ causalConsistency: true }, async (session) => {
      const touched = { session, upsert: true, writeConcern: { w: 'majority' as const } };
      await db.collection<{ _id: string }>('harness').updateOne({ _id: 'now' }, { $inc: { n: 1 } }, touched);
      const filter = { schedule_id, schedule_revision, attempt: { $gt: 0 } };
      return await runs.countDocuments(filter, { session, readConcern: new ReadConcern('majority') });
    }).catch(() => null);
}
