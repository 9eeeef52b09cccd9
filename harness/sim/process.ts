/**
 * One process of one replica: the product, assembled over a simulated link and clock. It can crash, freeze as
 * by SIGSTOP, sleep with its host, and be asked to stop.
 */
import type { ReplicaObserver } from '../../src/actors/observer.ts';
import type { Execute } from '../../src/actors/runs/execute.ts';
import type { Clock, Logger } from '../../src/actors/shared/environment.ts';
import type { Store } from '../../src/actors/store.ts';
import type { LeaseTiming } from '../../src/domain/leadership/leaseTiming.ts';
import type { Role } from '../../src/domain/membership/replica.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import { Connection } from '../../src/infra/memory/shared/connection.ts';
import { memoryStore } from '../../src/infra/memory/store.ts';
import { assembleReplica, type Replica } from '../../src/replica.ts';
import type { SimClock } from './clock.ts';
import type { SimDatabase } from './database.ts';
import { type Host, unknownTo } from './host.ts';
import { Link } from './link.ts';
import type { Mutation } from './mutation.ts';
import type { Oracle, Witness } from './oracle.ts';
import type { SimPeers } from './peers.ts';
import { ProcessClock } from './processClock.ts';
import type { SeededRandom } from './random.ts';
import type { Trace } from './trace.ts';

/** What a process needs of its cluster. */
export interface Surroundings {
  clock: SimClock;
  db: SimDatabase;
  trace: Trace;
  oracle: Pick<Oracle, 'observe' | 'executes' | 'fail'>;
  random: SeededRandom;
  server: { up: boolean; epoch: number; steps: { atMs: number; byMs: number }[] };
  lease: LeaseTiming;
  peers: SimPeers;
  mutation: Mutation | null;
  /** What an attempt does; null for a random duration, and now and then a failure. */
  attempt: ((run: Run) => Promise<void>) | null;
  /** An attempt begins, which the process may not survive. */
  executing(process: SimProcess, run: Run): void;
  observer(process: SimProcess): Partial<ReplicaObserver>;
  logged(process: SimProcess, level: LogLevel, message: string): void;
}

export type LogLevel = keyof Logger;

/** Calls that sample the server's clock. */
const SAMPLES = ['lease.read', 'lease.renew', 'lease.acquire'];
const GRACE_MS = 5000;
/** No request is in flight for longer. */
const LATE_MS = 5000;

export class SimProcess implements Witness {
  readonly name: string;
  readonly boot: string;
  readonly host: Host;
  readonly version: number;
  readonly replica: Replica;
  readonly store: Store;
  readonly link: Link;
  /** Called when its next claim takes effect. */
  atClaim: (() => void) | null = null;
  state: 'running' | 'frozen' | 'crashed' | 'stopping' | 'stopped' = 'running';
  readonly #in: Surroundings;
  readonly #random: SeededRandom;
  readonly #clock: ProcessClock;
  #frozen: Promise<void> | null = null;
  #wake = () => {};
  /** Recent round trips that sampled the server's clock. */
  #samples: { atMs: number; tookMs: number }[] = [];
  /** When the server's clock was last sampled. */
  #sampledMs = -Infinity;
  readonly #connection: Connection;

  constructor(host: Host, surroundings: Surroundings) {
    this.#in = surroundings;
    this.host = host;
    this.name = `${host.id}/${++host.boots}`;
    this.boot = `boot-${this.name}`;
    this.version = host.version;
    const { clock, db, server, mutation, lease } = surroundings;
    this.#random = surroundings.random.fork();
    const random = this.#random.fork();
    this.link = new Link({
      random: this.#random.fork(),
      db,
      weather: host.weather,
      wait: (ms) => clock.wait(ms),
      serverUp: () => server.up,
      serverEpoch: () => server.epoch,
      gate: () => this.#gate(),
      effect: (op, run) => this.#effect(op, run),
      answered: (op, tookMs) => this.#answered(op, tookMs),
      nowMs: () => clock.trueMs,
    });
    this.#connection = new Connection(db, this.link.intercept, unknownTo(this.version));
    const store = this.link.wrap(memoryStore(db, this.#connection));
    const own = new ProcessClock(clock, host, () => this.#frozen, mutation);
    this.#clock = own;
    this.store = mutation?.store?.(store, { db, clock: own, call: this.link.intercept, boot: this.boot }) ??
      store;
    this.replica = assembleReplica({
      store: this.store,
      clock: own,
      random,
      logger: this.#logger(),
      execute: this.#execute(own),
      peers: surroundings.peers.of(this),
      identity: { id: host.id, boot: this.boot, address: `http://${host.id}`, version: 'sim' },
      lease: mutation?.lease?.(lease) ?? lease,
      graceMs: GRACE_MS,
      maxRuns: host.places,
      standbyExecutes: host.standbyExecutes,
      observer: surroundings.observer(this),
    });
    this.replica.actor.subscribe({
      error: (error) =>
        surroundings.oracle.fail(`${this.name}: the replica threw: ${(error as Error).message}`),
    });
    this.replica.start();
  }

  get id(): string {
    return this.host.id;
  }

  get places(): number {
    return this.host.places;
  }

  get lives(): boolean {
    return this.state !== 'crashed' && this.state !== 'stopped';
  }

  get role(): Role {
    return this.replica.actor.getSnapshot().context.role;
  }

  get leads(): boolean {
    return this.lives && this.role === 'leader';
  }

  /** The context of the scheduler machine. */
  get scheduler() {
    return this.replica.actor.getSnapshot().children.scheduler?.getSnapshot().context;
  }

  trusts(): boolean {
    const context = this.lives ? this.scheduler : undefined;
    return context !== undefined && context.grant !== null && context.isTrusted();
  }

  clockErrorMs(agoMs = 0): number {
    const { clock, server } = this.#in;
    this.#samples = this.#samples.filter(({ atMs }) => atMs > clock.trueMs - 31_000);
    const slowest = this.#samples.reduce((most, { tookMs }) => Math.max(most, tookMs), 0);
    const sampledMs = agoMs === 0
      ? this.#sampledMs
      : this.#samples.findLast(({ atMs }) => atMs <= clock.trueMs - agoMs)?.atMs ?? -Infinity;
    // A request that was sent before the replica knew of a step may still arrive after it.
    const unheard = server.steps.filter(({ atMs }) => atMs > sampledMs - LATE_MS);
    return slowest + unheard.reduce((sum, { byMs }) => sum + byMs, 0) + 10;
  }

  crash(): void {
    this.state = 'crashed';
    this.#clock.stop();
    this.#clock.resume();
    this.#in.peers.died(this.boot);
    // Requests in flight may still arrive.
    this.#in.clock.setTimeout(() => this.#connection.close(), 10_000);
  }

  freeze(): void {
    this.state = 'frozen';
    this.#frozen = new Promise((resolve) => (this.#wake = resolve));
  }

  /** Its host is suspended: like a freeze, and its timers stand still too. */
  suspend(): void {
    this.freeze();
    this.#clock.suspend();
  }

  wake(): void {
    if (this.state !== 'frozen') return;
    this.#clock.resume();
    this.state = 'running';
    this.#frozen = null;
    this.#wake();
  }

  async stop(): Promise<void> {
    this.state = 'stopping';
    await this.replica.stop();
    await this.store.close();
    if (this.state === 'stopping') this.state = 'stopped';
    this.#in.trace.note(this.name, 'has stopped');
  }

  /** At once, on waking, or never. */
  async whenAwake(then: () => void): Promise<void> {
    await this.#gate();
    then();
  }

  #gate(): Promise<void> | null {
    if (this.state === 'crashed') return new Promise(() => {});
    return this.#frozen;
  }

  #effect<T>(op: string, run: () => Promise<T>): Promise<T> {
    const done = run();
    this.#in.trace.mix(this.name, op);
    this.#in.oracle.observe(this, op);
    if (op === 'claims.claim') {
      this.atClaim?.();
      this.atClaim = null;
    }
    return done;
  }

  #answered(op: string, tookMs: number): void {
    if (!SAMPLES.includes(op)) return;
    this.#samples.push({ atMs: this.#in.clock.trueMs, tookMs });
    this.#sampledMs = this.#in.clock.trueMs;
  }

  #execute(clock: Clock): Execute {
    return async ({ run }, signal) => {
      const { oracle, attempt } = this.#in;
      oracle.executes(this, run);
      this.#in.executing(this, run);
      if (attempt !== null) {
        await attempt(run);
        return { output: null };
      }
      // Later attempts are often slow, so that they overlap with the attempt before.
      const longestMs = this.#random.chance(run.attempt > 1 ? 0.5 : 0.05) ? 6000 : 200;
      await new Promise<void>((resolve) => {
        clock.setTimeout(resolve, this.#random.between(0, longestMs));
        signal.addEventListener('abort', () => resolve());
      });
      if (this.#random.chance(0.2)) throw new Error('the action failed');
      return { output: null };
    };
  }

  #logger(): Logger {
    const { trace, oracle } = this.#in;
    const log = (level: LogLevel) => (message: string, fields?: Record<string, unknown>) => {
      this.#in.logged(this, level, message);
      if (level === 'debug') return;
      const { error, term, by } = fields ?? {};
      const more = error instanceof Error ? `: ${error.message}` : term === undefined ? '' : ` ${term} ${by}`;
      trace.note(this.name, message + more);
      if (level === 'error') oracle.fail(`${this.name}: ${message}`);
    };
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  }
}
