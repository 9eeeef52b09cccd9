/**
 * A simulated cluster: one store, and hosts with one process of the product each, on one simulated clock and
 * one seeded source of randomness. Nothing goes wrong in it by itself. `World` adds random faults and users,
 * `soak` a long time under load, and the scripted scenarios of the tests the faults that each test wants.
 */
import type { ReplicaObserver } from '../../src/actors/observer.ts';
import type { Store } from '../../src/actors/store.ts';
import type { Run } from '../../src/domain/runs/run.ts';
import { Connection } from '../../src/infra/memory/shared/connection.ts';
import { memoryStore } from '../../src/infra/memory/store.ts';
import { ServerClock, SimClock } from './clock.ts';
import { SimDatabase } from './database.ts';
import { type Host, NEWEST_VERSION } from './host.ts';
import { FLAWLESS } from './link.ts';
import type { Mutation } from './mutation.ts';
import { SimPeers } from './peers.ts';
import { type LogLevel, SimProcess, type Surroundings } from './process.ts';
import type { SeededRandom } from './random.ts';
import { Trace } from './trace.ts';

export const LEASE = { durationMs: 3000, retryMs: 300, marginMs: 500 };

export abstract class Cluster implements Surroundings {
  /** Learns of every effect on the store, every execution, and every error. */
  abstract readonly oracle: Surroundings['oracle'];
  readonly clock = new SimClock();
  readonly serverClock = new ServerClock(this.clock);
  readonly db = new SimDatabase(this.serverClock);
  readonly trace = new Trace(() => this.clock.trueMs);
  readonly server: Surroundings['server'] = { up: true, epoch: 0, steps: [] };
  readonly lease = LEASE;
  readonly hosts: Host[] = [];
  readonly random: SeededRandom;
  readonly peers: SimPeers;
  readonly mutation: Mutation | null;
  /** A user's connection, which no fault affects. */
  readonly user: Store = memoryStore(this.db, new Connection(this.db));
  readonly #processes = new Map<string, SimProcess>();

  constructor(random: SeededRandom, mutation: Mutation | null = null) {
    this.random = random;
    this.mutation = mutation;
    this.peers = new SimPeers(this.clock, random.fork(), (boot) => this.#isAlive(boot));
  }

  /** What an attempt does; null for a random duration, and now and then a failure. */
  attempt: ((run: Run) => Promise<void>) | null = null;

  executing(_process: SimProcess, _run: Run): void {}

  observer(_process: SimProcess): Partial<ReplicaObserver> {
    return {};
  }

  logged(_process: SimProcess, _level: LogLevel, _message: string): void {}

  /** A host with accurate clocks and a perfect link, but for `changes`. */
  addHost(id: string, changes: Partial<Host> = {}): Host {
    const host: Host = {
      ...{ id, skewMs: 0, rate: 1, monotonicStartMs: 0, sleptMs: 0, asleepSinceMs: null },
      ...{ weather: { ...FLAWLESS }, boots: 0, version: NEWEST_VERSION, places: 500, standbyExecutes: true },
      ...changes,
    };
    this.hosts.push(host);
    return host;
  }

  /** Starts a process on the host; the previous one must have ended. */
  boot(host: Host): SimProcess {
    const process = new SimProcess(host, this);
    this.#processes.set(host.id, process);
    this.trace.note(process.name, 'starts');
    return process;
  }

  /** The last process of each host. */
  processes(): SimProcess[] {
    return [...this.#processes.values()];
  }

  #isAlive(boot: string): boolean {
    return this.processes().some((process) => process.boot === boot && process.lives);
  }
}
