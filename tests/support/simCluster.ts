/** Scripted scenarios: a simulated cluster without random faults, in which a test decides what goes wrong. */
import assert from 'node:assert/strict';
import { everySpec } from '../../harness/definitions.ts';
import { Cluster } from '../../harness/sim/cluster.ts';
import type { Host } from '../../harness/sim/host.ts';
import { FLAWLESS } from '../../harness/sim/link.ts';
import type { LogLevel, SimProcess } from '../../harness/sim/process.ts';
import { SeededRandom } from '../../harness/sim/random.ts';
import type { ElectionNews } from '../../src/actors/leadership/electionEvents.ts';
import type { ReplicaObserver } from '../../src/actors/observer.ts';
import { StoreUnavailable } from '../../src/actors/shared/storeErrors.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import type { ScheduleSpec } from '../../src/domain/schedules/schedule.ts';
import { understood } from './schedules.ts';

/** One attempt that a replica made. */
export interface Execution {
  runId: string;
  attempt: number;
  replica: string;
  atMs: number;
}

export class SimCluster extends Cluster {
  readonly executions: Execution[] = [];
  /** Logged errors and uncaught exceptions. */
  readonly errors: string[] = [];
  /** Observes all replicas that are added from then on. */
  replicaObserver: ReplicaObserver | null = null;
  readonly #logs = new Map<string, string[]>();
  readonly #news = new Map<string, ElectionNews[]>();
  override readonly oracle = {
    observe: () => void [this.db.takeInserted(), this.db.takeChanged()],
    executes: ({ id }: SimProcess, { id: runId, attempt }: Run) =>
      void this.executions.push({ runId, attempt, replica: id, atMs: this.clock.now() }),
    fail: (sentence: string) => void this.errors.push(sentence),
  };

  constructor() {
    super(new SeededRandom(1));
    this.peers.noticeDeaths = false;
  }

  /** Three replicas, one of which leads. */
  static async ofThree(): Promise<SimCluster> {
    const cluster = new SimCluster();
    for (const id of ['r1', 'r2', 'r3']) cluster.add(id);
    await cluster.clock.advance(1000);
    return cluster;
  }

  override attempt: (run: Run) => Promise<void> = () => Promise.resolve();

  override observer({ id }: SimProcess): Partial<ReplicaObserver> {
    const { replicaObserver } = this;
    return {
      ...replicaObserver,
      election: (news) => {
        this.newsOf(id).push(news);
        replicaObserver?.election(news);
      },
    };
  }

  override logged({ id }: SimProcess, level: LogLevel, message: string): void {
    this.logOf(id).push(`${level} ${message}`);
  }

  /** What a replica has logged: `level message`. */
  logOf(id: string): string[] {
    return entryOf(this.#logs, id);
  }

  /** What a replica's election has published. */
  newsOf(id: string): ElectionNews[] {
    return entryOf(this.#news, id);
  }

  /** Starts a replica. Its calls take no time, unless `changes` says otherwise. */
  add(id: string, changes: Partial<Host> = {}): SimProcess {
    return this.boot(this.addHost(id, { weather: { ...FLAWLESS, wayMs: 0 }, ...changes }));
  }

  get replicas(): SimProcess[] {
    return this.processes();
  }

  leader(): SimProcess {
    const leaders = this.replicas.filter(({ leads }) => leads);
    if (leaders.length !== 1) throw new Error(`${leaders.length} replicas lead`);
    return leaders[0] as SimProcess;
  }

  followers(): SimProcess[] {
    return this.replicas.filter(({ lives, role }) => lives && role === 'follower');
  }

  async create(id: string, intervalMs: number, more: Partial<ScheduleSpec> = {}): Promise<void> {
    await this.user.schedules.create(id, everySpec(intervalMs, more));
  }

  /** Every run of a schedule, oldest first. */
  async runs(scheduleId: string): Promise<Run[]> {
    const { items } = await this.user.runs.list({ scheduleId, limit: 10_000, cursor: null });
    return items.reverse();
  }
}

function entryOf<T>(lists: Map<string, T[]>, id: string): T[] {
  const list = lists.get(id) ?? [];
  lists.set(id, list);
  return list;
}

export function unreachable(): Promise<never> {
  return Promise.reject(new StoreUnavailable('cut off by the test'));
}

/**
 * Asserts that each occurrence of a duration schedule up to the last recorded one has exactly one record, and that each
 * run was executed once. Returns the number of records.
 */
export async function assertOnceEach(cluster: SimCluster, id: string, intervalMs: number): Promise<number> {
  const schedule = understood(await cluster.user.schedules.get(id));
  const runs = await cluster.runs(id);
  const expected = runs.map((_, k) => schedule.created_at.getTime() + (k + 1) * intervalMs);
  assert.deepEqual(runs.map((run) => run.scheduled_for.getTime()), expected);
  const executed = cluster.executions.map(({ runId }) => runId).filter((runId) => runId.startsWith(`${id}@`));
  assert.deepEqual(executed.sort(), runs.map((run) => run.id).sort());
  assert.deepEqual(cluster.errors, []);
  return runs.length;
}

/**
 * The replica gets no response to its next `claims` claims, whether or not they were `committed`. Returns a function
 * that counts the lost responses.
 */
export function loseAnswers({ link }: SimProcess, claims: number, committed: boolean): () => number {
  let lost = 0;
  link.trouble = async (op, run) => {
    if (op !== 'claims.claim' || lost === claims) return await run();
    lost++;
    if (committed) await run();
    throw new StoreUnavailable('the answer is lost');
  };
  return () => lost;
}
