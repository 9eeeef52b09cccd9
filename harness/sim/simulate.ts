import type { Mutation } from './mutation.ts';
import type { RunBook } from './runBook.ts';
import { World } from './world.ts';
import { seconds } from './trace.ts';

export interface Result {
  seed: number;
  /** What was wrong, as a sentence; null when nothing was. */
  violation: string | null;
  atMs: number;
  steps: number;
  /** Of everything that happened. */
  hash: string;
  trace: string[];
  occurrences: number;
  claims: number;
  requests: number;
  /** Runs of backfills, and backfills that were completed. */
  backfilled: number;
  backfills: number;
  /** What became of runs, by name: how often. */
  lives: Readonly<Record<string, number>>;
  terms: number;
  preemptions: number;
  faults: ReadonlyMap<string, number>;
}

const STORM_MS = 45_000;
/** Calls in flight when the faults end are given up within this time. */
const PATIENCE_MS = 4000;
/** Some dozens of runs one after the other, each with some slow attempts and their backoffs. */
const LONGEST_BACKFILL_MS = 180_000;

function livesIn({ retries, takings, overlaps, replacements, cancellations, losses }: RunBook) {
  return {
    'runs retried': retries,
    'runs taken': takings,
    'runs given their turn': overlaps.turns,
    'runs replaced': replacements,
    'runs cancelled': cancellations,
    'runs lost by an executor': losses,
  };
}

/** First safety, under random faults; then liveness: without faults, everything must recover. */
export async function simulate(seed: number, mutation: Mutation | null = null): Promise<Result> {
  const world = new World(seed, mutation);
  const { oracle, trace } = world;
  const undo = mutation?.patch?.();
  try {
    world.storm(2500, 700);
    await world.run(STORM_MS);
    if (oracle.violation === null) await recover(world);
  } catch (error) {
    oracle.fail(`The simulation broke: ${(error as Error).stack}`);
  } finally {
    undo?.();
  }
  return {
    seed,
    violation: oracle.violation,
    atMs: world.clock.trueMs,
    steps: world.clock.steps,
    hash: trace.hash(),
    trace: trace.lines(),
    occurrences: oracle.ledger.settled,
    claims: oracle.claims,
    requests: oracle.requests,
    backfilled: oracle.backfills.runs,
    backfills: oracle.backfills.completed,
    lives: livesIn(oracle.runs),
    terms: oracle.terms,
    preemptions: oracle.preemptions,
    faults: world.faults,
  };
}

async function recover(world: World): Promise<void> {
  const { oracle, db, lease } = world;
  world.heal();
  const check = (holds: boolean, sentence: string) => {
    if (!holds) oracle.fail(sentence);
  };
  const living = () => world.processes().filter((process) => process.lives);
  await world.run(lease.durationMs * 2 + PATIENCE_MS);
  const leaders = living().filter((process) => process.leads && process.trusts());
  check(leaders.length === 1, `Two leases after the end of all faults ${leaders.length} replicas lead.`);
  await world.run(4000);
  const nowMs = db.nowMs();
  const { claimedThroughMs, mirroredThroughMs } = db.preparedLease().watermark;
  const settledMs = Math.min(claimedThroughMs, mirroredThroughMs);
  // A clock that was set back has yet to reach what is claimed: the mark can't move before. The leader may know
  // a later one than a lease document that had to be made again.
  const known = living().map(({ scheduler }) => scheduler?.progress.mark.claimedThroughMs ?? -Infinity);
  const waits = Math.max(claimedThroughMs, ...known) > nowMs;
  check(waits || settledMs > nowMs - 5000, `The watermark is stuck at ${seconds(settledMs)}.`);
  const owed = oracle.ledger.unsettled(() => ({
    claimedThroughMs: nowMs - 5000,
    mirroredThroughMs: Infinity,
  }));
  check(owed === null, `G2: an owed occurrence has no record: ${owed}.`);
  for (const process of living()) {
    check(mirrors(process, db), `${process.name}'s mirror is not as the store.`);
  }
  if (oracle.violation !== null) return;
  await finishBackfills(world, check);
  if (oracle.violation !== null) return;
  await quiesce(world, check);
}

/** Every backfill comes to an end. One whose schedule is not settled, since the clock was set back, waits. */
async function finishBackfills(
  world: World,
  check: (holds: boolean, sentence: string) => void,
): Promise<void> {
  const { oracle, db } = world;
  const isLeft = () => oracle.violation === null && oracle.backfills.running().length > 0;
  const waits = () => {
    const { claimedThroughMs, mirroredThroughMs } = db.preparedLease().watermark;
    return Math.max(claimedThroughMs, mirroredThroughMs) > db.nowMs();
  };
  for (let waitedMs = 0; isLeft() && waitedMs < LONGEST_BACKFILL_MS; waitedMs += 1000) await world.run(1000);
  check(!isLeft() || waits(), `The backfills ${oracle.backfills.running()} do not come to an end.`);
}

/** Deletes all schedules, waits until nothing is left to do, and stops the replicas. */
async function quiesce(world: World, check: (holds: boolean, sentence: string) => void): Promise<void> {
  const { oracle, db } = world;
  for (const id of [...db.schedules.keys()]) {
    await world.user.schedules.remove(id);
    oracle.observe(null, 'schedules.remove');
  }
  // An adoption takes up to 10 s after a takeover, and an attempt up to 6 s.
  await world.run(20_000);
  const living = world.processes().filter((process) => process.lives);
  const [open] = oracle.runs.unended();
  check(
    open === undefined,
    `G7: ${open?.id} of ${open?.executor_boot} has no end (attempt ${open?.attempt}).`,
  );
  oracle.runs.checkEnds();
  for (const { name, replica, scheduler } of living) {
    check(replica.jobs.size === 0, `${name} has ${replica.jobs.size} live jobs and nothing to do.`);
    check(scheduler?.progress.queue.size === 0, `${name} still holds schedules.`);
  }
  const stopped = Promise.all(living.map((process) => process.stop()));
  await world.run(12_000);
  check(world.processes().every(({ lives }) => !lives), 'Some replicas have not stopped.');
  check(world.clock.timers === 0, `${world.clock.timers} timers are left at the end.`);
  if (oracle.violation === null) await stopped;
}

function mirrors(process: ReturnType<World['processes']>[number], db: World['db']): boolean {
  const held = process.scheduler?.progress.queue.schedules() ?? [];
  const keyOf = ({ id, revision, effective_from }: (typeof held)[number]) =>
    `${id} ${revision} ${effective_from.getTime()}`;
  return held.map(keyOf).sort().join() === [...db.schedules.values()].map(keyOf).sort().join();
}
