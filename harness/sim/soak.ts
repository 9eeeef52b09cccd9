/**
 * A cluster of three in fair weather that fires for a long simulated time: what it holds at the end has to be
 * what it held at the beginning (G9).
 */
import { everySpec } from '../definitions.ts';
import { Cluster } from './cluster.ts';
import { SeededRandom } from './random.ts';

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

/** Counts the executions; an error ends it. */
class SoakedCluster extends Cluster {
  executions = 0;
  override readonly oracle = {
    observe: () => void [this.db.takeInserted(), this.db.takeChanged()],
    executes: () => void this.executions++,
    fail(sentence: string) {
      throw new Error(sentence);
    },
  };

  constructor() {
    super(new SeededRandom(1));
    for (const id of ['r1', 'r2', 'r3']) this.boot(this.addHost(id));
  }

  get liveJobs(): number[] {
    return this.processes().map(({ replica }) => replica.jobs.size);
  }

  /** Fires `perSecond` times a second, then waits until the last records have expired. */
  async fire(perSecond: number, forMs: number): Promise<{ mostLiveJobs: number; mostTimers: number }> {
    const { user, clock } = this;
    const ids = Array.from({ length: SCHEDULES }, (_, index) => `s${index}`);
    const spec = everySpec(SCHEDULES * 1000 / perSecond, { history: { success: KEPT, failure: KEPT } });
    for (const id of ids) await user.schedules.create(id, spec);
    let [mostLiveJobs, mostTimers] = [0, 0];
    for (let leftMs = forMs; leftMs > 0; leftMs -= 1000) {
      await clock.advance(Math.min(leftMs, 1000));
      mostLiveJobs = Math.max(mostLiveJobs, ...this.liveJobs);
      mostTimers = Math.max(mostTimers, clock.timers);
    }
    for (const id of ids) await user.schedules.remove(id);
    // At this moment no call is in flight.
    await clock.advance(10_900);
    return { mostLiveJobs, mostTimers };
  }

  holdings(collectGarbage: () => void): Holdings {
    const { clock, db } = this;
    return {
      timers: clock.timers,
      liveJobs: this.liveJobs.reduce((sum, jobs) => sum + jobs, 0),
      leaseWatchers: db.leaseWatchers.size,
      openRuns: db.openRuns().length,
      runs: db.runs().length,
      heapMb: heapInUseMb(collectGarbage),
    };
  }
}

function heapInUseMb(collectGarbage: () => void): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}

/** Fires `perSecond` times a second for the given simulated time. */
export async function soak(perSecond: number, forMs: number, collectGarbage: () => void): Promise<Soak> {
  const cluster = new SoakedCluster();
  await cluster.clock.advance(3000);
  // The first round fills caches and compiles code.
  await cluster.fire(perSecond, 5000);
  const before = cluster.holdings(collectGarbage);
  cluster.executions = 0;
  const most = await cluster.fire(perSecond, forMs);
  return { before, after: cluster.holdings(collectGarbage), executions: cluster.executions, ...most };
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
