/**
 * One life of one replica: the product, assembled over a simulated link and clock. It can crash, freeze as by
 * SIGSTOP, and be asked to stop.
 */
import type { Execute } from '../../src/actors/runs/execute.ts';
import type { Clock, Logger } from '../../src/actors/shared/environment.ts';
import type { Store } from '../../src/actors/store.ts';
import type { LeaseTiming } from '../../src/domain/leadership/leaseTiming.ts';
import { Connection, type Obstacle } from '../../src/infra/memory/shared/connection.ts';
import { memoryStore } from '../../src/infra/memory/store.ts';
import { MonotonicTime, type TimeSources } from '../../src/infra/machine/monotonicTime.ts';
import { assembleReplica, type Replica } from '../../src/replica.ts';
import type { TrueClock } from './clock.ts';
import type { SimDatabase } from './database.ts';
import { Link, type Weather } from './link.ts';
import type { Mutation } from './mutation.ts';
import type { Oracle, Witness } from './oracle.ts';
import type { SimPeers } from './peers.ts';
import type { SeededRandom } from './random.ts';
import type { Trace } from './trace.ts';

/** The machine that a replica runs on: it keeps its name, clocks and link when the process comes back. */
export interface Host {
  id: string;
  /** Wall clock less true time, ms. */
  skewMs: number;
  /** Milliseconds of the monotonic clock in one of true time. */
  rate: number;
  monotonicStartMs: number;
  /** For how long it was suspended, and since when it is; true time. */
  sleptMs: number;
  asleepSinceMs: number | null;
  weather: Weather;
  boots: number;
  /** Of the product, for the next process. */
  version: number;
}

/** What version 1 does not understand has this tag. */
export const NEEDS_NEWEST = { needs: '2' };
export const NEWEST_VERSION = 2;

function unknownTo(version: number): Obstacle {
  return ({ tags }) =>
    version < NEWEST_VERSION && tags?.needs === NEEDS_NEWEST.needs ? 'it is of a newer version' : null;
}

/** The parts of the world that a process touches. */
export interface Surroundings {
  clock: TrueClock;
  db: SimDatabase;
  trace: Trace;
  oracle: Pick<Oracle, 'observe' | 'executes' | 'fail'>;
  random: SeededRandom;
  server: { up: boolean; epoch: number; steps: { atMs: number; byMs: number }[] };
  lease: LeaseTiming;
  peers: SimPeers;
  mutation: Mutation | null;
}

/** A timer of the process, as its machine counts. */
interface OwnTimer {
  handle: unknown;
  fire: () => void;
  dueMs: number;
}

/** Calls whose answers tell the server's time. */
const SAMPLES = ['lease.read', 'lease.renew', 'lease.acquire'];
const GRACE_MS = 5000;
/** No request is on its way for longer. */
const LATE_MS = 5000;

export class SimProcess implements Witness {
  readonly name: string;
  readonly boot: string;
  readonly host: Host;
  readonly version: number;
  readonly replica: Replica;
  readonly store: Store;
  readonly link: Link;
  /** Happens when its next claim takes effect. */
  atClaim: (() => void) | null = null;
  state: 'running' | 'frozen' | 'crashed' | 'stopping' | 'stopped' = 'running';
  readonly #in: Surroundings;
  readonly #random: SeededRandom;
  readonly #timers = new Set<OwnTimer>();
  #frozen: Promise<void> | null = null;
  #wake = () => {};
  /** Round trips of the calls that told the server's time lately, and when. */
  #samples: { atMs: number; tookMs: number }[] = [];
  /** When the server's time was last told. */
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
    const own = this.#clock();
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
    });
    this.replica.actor.subscribe({
      error: (error) =>
        surroundings.oracle.fail(`${this.name}: the replica threw: ${(error as Error).message}`),
    });
    this.replica.start();
  }

  get lives(): boolean {
    return this.state !== 'crashed' && this.state !== 'stopped';
  }

  get leads(): boolean {
    return this.lives && this.replica.actor.getSnapshot().context.role === 'leader';
  }

  /** The scheduler's present memory. */
  get scheduler() {
    return this.replica.actor.getSnapshot().children.scheduler?.getSnapshot().context;
  }

  trusts(): boolean {
    const context = this.lives ? this.scheduler : undefined;
    return context !== undefined && context.grant !== null && context.isTrusted();
  }

  clockErrorMs(): number {
    const { clock, server } = this.#in;
    this.#samples = this.#samples.filter(({ atMs }) => atMs > clock.trueMs - 31_000);
    const slowest = this.#samples.reduce((most, { tookMs }) => Math.max(most, tookMs), 0);
    // What was sent before the replica heard of a step may arrive for some time after.
    const unheard = server.steps.filter(({ atMs }) => atMs > this.#sampledMs - LATE_MS);
    return slowest + unheard.reduce((sum, { byMs }) => sum + byMs, 0) + 10;
  }

  crash(): void {
    this.state = 'crashed';
    for (const { handle } of this.#timers) this.#in.clock.clearTimeout(handle);
    this.#timers.clear();
    this.#endSleep();
    this.#in.peers.died(this.boot);
    // What is on its way may still arrive.
    this.#in.clock.setTimeout(() => this.#connection.close(), 10_000);
  }

  freeze(): void {
    this.state = 'frozen';
    this.#frozen = new Promise((resolve) => (this.#wake = resolve));
  }

  /** Its machine sleeps: as a freeze, and its timers stand still as well. */
  suspend(): void {
    this.freeze();
    const { trueMs } = this.#in.clock;
    this.host.asleepSinceMs = trueMs;
    for (const timer of this.#timers) this.#in.clock.clearTimeout(timer.handle);
  }

  wake(): void {
    if (this.state !== 'frozen') return;
    this.#endSleep();
    this.state = 'running';
    this.#frozen = null;
    this.#wake();
  }

  #endSleep(): void {
    const { clock } = this.#in;
    const { host } = this;
    if (host.asleepSinceMs === null) return;
    const sleptMs = clock.trueMs - host.asleepSinceMs;
    host.sleptMs += sleptMs;
    host.asleepSinceMs = null;
    for (const timer of this.#timers) {
      timer.dueMs += sleptMs;
      timer.handle = clock.setTimeout(timer.fire, timer.dueMs - clock.trueMs);
    }
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

  #clock(): Clock {
    const { clock, mutation } = this.#in;
    const { host } = this;
    const asleepMs = () =>
      host.sleptMs + (host.asleepSinceMs === null ? 0 : clock.trueMs - host.asleepSinceMs);
    const sources: TimeSources = {
      awakeMs: () => host.monotonicStartMs + (clock.trueMs - asleepMs()) * host.rate,
      wallMs: () => clock.now() + host.skewMs,
      uptimeMs: () => Math.floor(clock.trueMs * host.rate / 10) * 10,
      uptimeStepMs: 10,
    };
    const time = new MonotonicTime(mutation?.time?.(sources) ?? sources);
    return {
      now: () => clock.now() + host.skewMs,
      monotonic: () => time.nowMs(),
      setTimeout: (fn, delayMs) => {
        const fire = () => {
          this.#timers.delete(timer);
          if (this.state === 'crashed') return;
          if (this.#frozen) void this.#frozen.then(() => (timer.handle = clock.setTimeout(fire, 0)));
          else fn();
        };
        const waitMs = delayMs / host.rate;
        const timer: OwnTimer = {
          handle: clock.setTimeout(fire, waitMs),
          fire,
          dueMs: clock.trueMs + waitMs,
        };
        this.#timers.add(timer);
        return timer;
      },
      clearTimeout: (timer) => {
        if (timer === undefined) return;
        this.#timers.delete(timer as OwnTimer);
        clock.clearTimeout((timer as OwnTimer).handle);
      },
    };
  }

  #execute(clock: Clock): Execute {
    return async ({ run }) => {
      this.#in.oracle.executes(this, run);
      // A repeated attempt is slow, so that the one before may end beside it.
      const longestMs = this.#random.chance(run.attempt > 1 ? 0.5 : 0.05) ? 6000 : 200;
      await new Promise<void>((resolve) => clock.setTimeout(resolve, this.#random.between(0, longestMs)));
      if (this.#random.chance(0.05)) throw new Error('the action failed');
      return { output: null };
    };
  }

  #logger(): Logger {
    const { trace, oracle } = this.#in;
    const say = (message: string, fields?: Record<string, unknown>) => {
      const { error, term, by } = fields ?? {};
      const more = error instanceof Error ? `: ${error.message}` : term === undefined ? '' : ` ${term} ${by}`;
      trace.note(this.name, message + more);
    };
    return {
      debug: () => {},
      info: say,
      warn: say,
      error: (message, fields) => {
        say(message, fields);
        oracle.fail(`${this.name}: ${message}`);
      },
    };
  }
}
