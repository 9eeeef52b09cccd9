/**
 * A cluster of three in fair weather that fires for a long simulated time: what it holds at the end has to be
 * what it held at the beginning (G9).
 */
import type { ScheduleSpec } from '../../src/domain/schedules/schedule.ts';
import { Connection } from '../../src/infra/memory/shared/connection.ts';
import { memoryStore } from '../../src/infra/memory/store.ts';
import { ServerClock, TrueClock } from './clock.ts';
import { SimDatabase } from './database.ts';
import { FAIR } from './link.ts';
import { SimPeers } from './peers.ts';
import { NEWEST_VERSION, SimProcess } from './process.ts';
import { SeededRandom } from './random.ts';
import { Trace } from './trace.ts';

const LEASE = { durationMs: 3000, retryMs: 300, marginMs: 500 };
const CALM = { ...FAIR, lossBefore: 0, lossAfter: 0, claimTrouble: 0 };
const SCHEDULES = 200;
/** Runs are kept for this long after their end. */
const KEPT = '5s';
/** Less than anything that is kept for a run, and more than what compiled code grows by. */
const LEAK_BYTES = 100;

/** What a cluster at rest holds. */
export interface Holdings {
  timers: number;
  liveJobs: number;
  leaseWatchers: number;
  openRuns: number;
  runs: number;
  /** In use after a collection of garbage. */
  heapMb: number;
}

export interface Soak {
  before: Holdings;
  after: Holdings;
  executions: number;
  mostLiveJobs: number;
  mostTimers: number;
}

/** Fires `perSecond` times a second for the given simulated time. */
export async function soak(perSecond: number, forMs: number, collectGarbage: () => void): Promise<Soak> {
  const heapMb = () => {
    collectGarbage();
    return process.memoryUsage().heapUsed / 1e6;
  };
  const clock = new TrueClock();
  const db = new SimDatabase(new ServerClock(clock));
  let executions = 0;
  const oracle = {
    observe: () => void db.takeInserted(),
    executes: () => void executions++,
    fail(sentence: string) {
      throw new Error(sentence);
    },
  };
  const random = new SeededRandom(1);
  const trace = new Trace(() => clock.trueMs);
  const peers = new SimPeers(clock, random.fork(), () => true);
  const surroundings = {
    ...{ clock, db, trace, oracle, random, peers, lease: LEASE, mutation: null },
    server: { up: true, epoch: 0, steps: [] },
  };
  const processes = ['r1', 'r2', 'r3'].map((id) => {
    const host = {
      id,
      skewMs: 0,
      rate: 1,
      monotonicStartMs: 0,
      sleptMs: 0,
      asleepSinceMs: null,
      weather: CALM,
      boots: 0,
      version: NEWEST_VERSION,
    };
    return new SimProcess(host, surroundings);
  });
  const run = (ms: number) => clock.runUntil(clock.trueMs + ms);
  const holdings = (): Holdings => ({
    timers: clock.timers,
    liveJobs: processes.reduce((sum, { replica }) => sum + replica.jobs.size, 0),
    leaseWatchers: db.leaseWatchers.size,
    openRuns: db.openRuns().length,
    runs: db.runs().length,
    heapMb: heapMb(),
  });
  const user = memoryStore(db, new Connection(db));
  const ids = Array.from({ length: SCHEDULES }, (_, index) => `s${index}`);
  const fire = async (ms: number) => {
    for (const id of ids) await user.schedules.create(id, every(SCHEDULES * 1000 / perSecond));
    let [mostLiveJobs, mostTimers] = [0, 0];
    for (let leftMs = ms; leftMs > 0; leftMs -= 1000) {
      await run(Math.min(leftMs, 1000));
      mostLiveJobs = Math.max(mostLiveJobs, ...processes.map(({ replica }) => replica.jobs.size));
      mostTimers = Math.max(mostTimers, clock.timers);
    }
    for (const id of ids) await user.schedules.remove(id);
    // Until the last records have run out, at a moment at which nothing is on its way.
    await run(10_900);
    return { mostLiveJobs, mostTimers };
  };
  await run(3000);
  // Caches and compiled code are there after a first round.
  await fire(5000);
  const before = holdings();
  executions = 0;
  const most = await fire(forMs);
  return { before, after: holdings(), executions, ...most };
}

function every(intervalMs: number): ScheduleSpec {
  return {
    type: 'duration',
    definition: { interval: `${intervalMs}ms` },
    paused: false,
    action: { type: 'log' },
    policy: { catch_up: 'all', catch_up_window: '60s', on_executor_loss: 'retry' },
    history: { success: KEPT, failure: KEPT },
  };
}

/** What is more at the end than it was at the beginning, as sentences. */
export function leftOver({ before, after, executions }: Soak): string[] {
  const { heapMb: heapBeforeMb, ...counts } = before;
  const problems = Object.entries(counts).flatMap(([name, number]) => {
    const end = after[name as keyof typeof counts];
    return end === number ? [] : [`${name}: ${number} at the beginning, ${end} at the end`];
  });
  const bytes = (after.heapMb - heapBeforeMb) * 1e6 / executions;
  return bytes < LEAK_BYTES ? problems : [...problems, `the heap grew by ${bytes.toFixed(0)} bytes per run`];
}
