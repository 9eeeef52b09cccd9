/**
 * Replicas as they are, over the in-memory store, on one simulated clock: each can be crashed, frozen, cut
 * off, or have its calls delayed.
 */
import assert from 'node:assert/strict';
import type { ReplicaObserver } from '../../src/actors/observer.ts';
import type { ElectionNews } from '../../src/actors/leadership/electionEvents.ts';
import type { Clock, Logger } from '../../src/actors/shared/environment.ts';
import type { Store } from '../../src/actors/store.ts';
import { StoreUnavailable } from '../../src/actors/shared/storeErrors.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import type { ScheduleSpec } from '../../src/domain/schedules/schedule.ts';
import type { Obstacle } from '../../src/infra/memory/shared/connection.ts';
import { type MemoryDatabase, memoryDatabase } from '../../src/infra/memory/store.ts';
import { assembleReplica, type Replica } from '../../src/replica.ts';
import { SimClock } from './simClock.ts';
import { understood } from './schedules.ts';

export const LEASE = { durationMs: 3000, retryMs: 300, marginMs: 500 };

/** What a run's execution leaves behind. */
export interface Execution {
  runId: string;
  attempt: number;
  replica: string;
  atMs: number;
}

/** What may happen to a replica's call: `run` carries it out. */
type Trouble = <T>(op: string, run: () => Promise<T>) => Promise<T>;

export class SimReplica {
  readonly id: string;
  readonly replica: Replica;
  readonly store: Store;
  readonly log: string[] = [];
  /** What its election told. */
  readonly news: ElectionNews[] = [];
  /** Replaced by tests. */
  trouble: Trouble = (_op, run) => run();
  #frozen: Promise<void> | null = null;
  #wake: (() => void) | null = null;
  #crashed = false;
  readonly boot: string;
  readonly #cluster: SimCluster;

  constructor(id: string, cluster: SimCluster, skewMs: number, obstacle: Obstacle) {
    this.id = id;
    this.boot = `${id}-boot-${cluster.boots++}`;
    this.#cluster = cluster;
    this.store = cluster.db.connect({ intercept: (op, run) => this.#call(op, run), obstacle });
    const clock = this.#clock(cluster.clock, skewMs);
    let uuid = 0;
    let chance = id.charCodeAt(id.length - 1);
    this.replica = assembleReplica({
      store: this.store,
      clock,
      random: {
        // A small linear congruential generator: the same in every run, another one in each replica.
        next: () => (chance = (chance * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31,
        uuid: () => `${id}-uuid-${uuid++}`,
      },
      logger: this.#logger(),
      execute: async ({ run }) => {
        cluster.executions.push({
          runId: run.id,
          attempt: run.attempt,
          replica: id,
          atMs: cluster.clock.now(),
        });
        await cluster.attempt(run);
        return { output: null };
      },
      peers: {
        heir: () => cluster.eldestWatcher(this.boot),
        watch: (peer, onDead) => cluster.watch(peer.boot, this.boot, () => this.#crashed || onDead(0)),
      },
      identity: { id, boot: this.boot, address: `http://${id}`, version: 'test' },
      lease: LEASE,
      graceMs: 5000,
      observer: {
        ...cluster.observer,
        election: (news) => {
          this.news.push(news);
          cluster.observer?.election(news);
        },
      },
    });
  }

  get role(): string {
    return this.replica.actor.getSnapshot().context.role;
  }

  /** Nothing of it happens ever again. */
  crash(): void {
    this.#crashed = true;
    this.#cluster.died(this.boot);
  }

  /**
   * As SIGSTOP does: no timer fires and no answer is seen until `wake`; calls that were sent are carried out.
   */
  freeze(): void {
    this.#frozen = new Promise((resolve) => (this.#wake = resolve));
  }

  wake(): void {
    this.#wake?.();
    this.#frozen = null;
  }

  async #call<T>(op: string, run: () => Promise<T>): Promise<T> {
    if (this.#crashed) return await new Promise<T>(() => {});
    const answer = await this.trouble(op, run).then((value) => ({ value }), (error: Error) => ({ error }));
    if (this.#frozen) await this.#frozen;
    if (this.#crashed) return await new Promise<T>(() => {});
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  #clock(base: SimClock, skewMs: number): Clock {
    return {
      now: () => base.now() + skewMs,
      monotonic: () => base.monotonic() + skewMs / 7,
      setTimeout: (fn, delayMs) =>
        base.setTimeout(() => {
          if (this.#crashed) return;
          if (this.#frozen) void this.#frozen.then(fn);
          else fn();
        }, delayMs),
      clearTimeout: (handle) => base.clearTimeout(handle),
    };
  }

  #logger(): Logger {
    const at = (level: string) => (message: string) => void this.log.push(`${level} ${message}`);
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }
}

export class SimCluster {
  readonly clock = new SimClock();
  /** By how much the server's clock was set. */
  serverStepMs = 0;
  readonly db: MemoryDatabase = memoryDatabase({ clock: this.#serverClock() });
  readonly executions: Execution[] = [];
  /** What an attempt does: nothing, unless a test replaces it. */
  attempt: (run: Run) => Promise<void> = () => Promise.resolve();
  readonly replicas: SimReplica[] = [];
  /** A user's connection, which no trouble touches. */
  readonly user: Store = this.db.connect();
  boots = 0;
  /** Is told by all replicas that are added from then on. */
  observer: ReplicaObserver | null = null;
  /** Whether replicas see each other die, as they do over their liveness connections. */
  liveness = false;
  readonly #watches = new Set<{ boot: string; by: string; onDead: () => void }>();

  #serverClock(): Clock {
    const { clock } = this;
    return {
      now: () => clock.now() + this.serverStepMs,
      monotonic: () => clock.monotonic(),
      setTimeout: (fn, delayMs) => clock.setTimeout(fn, delayMs),
      clearTimeout: (handle) => clock.clearTimeout(handle),
    };
  }

  watch(boot: string, by: string, onDead: () => void): () => void {
    const watch = { boot, by, onDead };
    this.#watches.add(watch);
    return () => void this.#watches.delete(watch);
  }

  eldestWatcher(boot: string): string | null {
    return [...this.#watches].find((watch) => watch.boot === boot)?.by ?? null;
  }

  /** A process has ended: who watches it knows a moment later. */
  died(boot: string): void {
    if (!this.liveness) return;
    this.clock.setTimeout(() => {
      for (const watch of this.#watches) if (watch.boot === boot) watch.onDead();
    }, 2);
  }

  /** `obstacle`: why its version does not understand a schedule. */
  add(id: string, skewMs = 0, obstacle: Obstacle = () => null): SimReplica {
    const replica = new SimReplica(id, this, skewMs, obstacle);
    this.replicas.push(replica);
    replica.replica.start();
    return replica;
  }

  /** Three replicas, and time enough that one of them leads. */
  static async ofThree(): Promise<SimCluster> {
    const cluster = new SimCluster();
    for (const id of ['r1', 'r2', 'r3']) cluster.add(id);
    await cluster.clock.advance(1000);
    return cluster;
  }

  leader(): SimReplica {
    const leaders = this.replicas.filter((each) => each.role === 'leader');
    if (leaders.length !== 1) throw new Error(`${leaders.length} replicas lead`);
    return leaders[0] as SimReplica;
  }

  followers(): SimReplica[] {
    return this.replicas.filter((each) => each.role === 'follower');
  }

  async create(id: string, intervalMs: number, more: Partial<ScheduleSpec> = {}): Promise<void> {
    await this.user.schedules.create(id, every(intervalMs, more));
  }

  /** Every run of a schedule, oldest first. */
  async runs(scheduleId: string): Promise<Run[]> {
    const { items } = await this.user.runs.list({ scheduleId, limit: 10_000, cursor: null });
    return items.reverse();
  }
}

export function every(intervalMs: number, more: Partial<ScheduleSpec> = {}): ScheduleSpec {
  return {
    type: 'duration',
    definition: { interval: `${intervalMs}ms` },
    paused: false,
    action: { type: 'log' },
    policy: { catch_up: 'all', catch_up_window: '60s', on_executor_loss: 'retry' },
    history: { success: '24h', failure: '168h' },
    ...more,
  } as ScheduleSpec;
}

export function unreachable(): Promise<never> {
  return Promise.reject(new StoreUnavailable('cut off by the test'));
}

/**
 * Each occurrence of a duration schedule has one record, none is missing up to the last, and each claimed one
 * was executed once.
 */
export async function assertOnceEach(cluster: SimCluster, id: string, intervalMs: number): Promise<number> {
  const schedule = understood(await cluster.user.schedules.get(id));
  const runs = await cluster.runs(id);
  const expected = runs.map((_, k) => schedule.created_at.getTime() + (k + 1) * intervalMs);
  assert.deepEqual(runs.map((run) => run.scheduled_for.getTime()), expected);
  const executed = cluster.executions.filter(({ runId }) => runId.startsWith(`${id}@`)).map(({ runId }) =>
    runId
  );
  assert.deepEqual(executed.sort(), runs.map((run) => run.id).sort());
  return runs.length;
}

/**
 * The replica gets no answer to its next so many claims, whether they `happened` or not. Answers with how many were
 * lost so far.
 */
export function loseAnswers(replica: SimReplica, claims: number, happened: boolean): () => number {
  let lost = 0;
  replica.trouble = async (op, run) => {
    if (op !== 'claims.claim' || lost === claims) return await run();
    lost++;
    if (happened) await run();
    throw new StoreUnavailable('the answer is lost');
  };
  return () => lost;
}
