/** A simulated cluster under random faults and random requests of users. One seed determines all of it. */
import { everySpec } from '../definitions.ts';
import { Cluster } from './cluster.ts';
import { FAULTS } from './faults.ts';
import { type Host, NEWEST_VERSION } from './host.ts';
import { FAIR, FLAWLESS } from './link.ts';
import type { Mutation } from './mutation.ts';
import { Oracle } from './oracle.ts';
import type { SimProcess } from './process.ts';
import { type Run, workOf } from '../../src/domain/runs/run.ts';
import { SeededRandom } from './random.ts';
import { request } from './traffic.ts';

export class World extends Cluster {
  override readonly oracle = new Oracle(
    this.db,
    this.trace,
    () => this.processes(),
    this.lease.durationMs,
  );
  readonly faults = new Map<string, number>();
  /** The run whose execution ends its process; null for none, 'next' for the next one that is executed. */
  deadlyRun: string | null = null;
  readonly #random: SeededRandom;
  /** What will end a fault. */
  readonly #cures = new Set<() => void>();
  #healed = false;
  /** By how much the clocks of the store's members were set so far, and the difference of the primary's. */
  #stepsMs = 0;
  #memberOffsetMs = 0;

  constructor(seed: number, mutation: Mutation | null = null) {
    const random = new SeededRandom(seed);
    super(random.fork(), mutation);
    this.#random = random;
    mutation?.database?.(this.db);
    const sizes = [{ of: 3, weight: 7 }, { of: 2, weight: 2 }, { of: 5, weight: 1 }];
    const size = random.weighted(sizes).of;
    for (let number = 1; number <= size; number++) this.boot(this.#randomHost(`r${number}`));
  }

  #randomHost(id: string): Host {
    const random = this.#random;
    return this.addHost(id, {
      skewMs: random.chance(0.5) ? random.between(-300_000, 300_000) : random.between(-50, 50),
      rate: 1 + random.between(-0.0002, 0.0002),
      monotonicStartMs: random.between(0, 1e9),
      weather: { ...FAIR },
      places: random.weighted([{ of: 500, weight: 3 }, { of: 20, weight: 3 }, { of: 3, weight: 1 }]).of,
      standbyExecutes: random.chance(0.8),
      version: random.chance(0.8) ? NEWEST_VERSION : 1,
    });
  }

  override executing(process: SimProcess, run: Run): void {
    if (this.#healed || this.deadlyRun === null) return;
    if (this.deadlyRun === 'next') {
      if (workOf(run).policy.on_executor_loss !== 'retry') return;
      this.deadlyRun = run.id;
    }
    if (this.deadlyRun !== run.id) return;
    process.crash();
    this.trace.note('FAULT', `${process.name} crashes of ${run.id} attempt ${run.attempt}`);
    this.later(500, () => this.boot(process.host));
  }

  later(delayMs: number, cure: () => void): void {
    if (this.#healed) return cure();
    const once = () => void (this.#cures.delete(once) && cure());
    this.#cures.add(once);
    this.clock.setTimeout(once, delayMs);
  }

  calm(host: Host): void {
    Object.assign(host.weather, FAIR);
    this.trace.note(host.id, 'has a fair link again');
  }

  breakConnections(): void {
    this.server.epoch++;
    for (const { link } of this.processes()) {
      link.broken.add('feed.next');
      link.broken.add('lease.watch');
    }
  }

  /** The store has a primary again, with a clock that differs by this much. */
  elect(differenceMs: number): void {
    this.server.up = true;
    this.#memberOffsetMs = differenceMs;
    this.#setServerClock();
    this.trace.note('store', 'has a primary again');
  }

  /** The clocks of all members of the store are set. */
  stepServerClock(byMs: number): void {
    this.#stepsMs += byMs;
    this.#setServerClock();
    this.trace.note('store', `its clock is set by ${byMs} ms`);
  }

  #setServerClock(): void {
    const offsetMs = this.#stepsMs + this.#memberOffsetMs;
    const byMs = offsetMs - this.serverClock.offsetMs;
    this.server.steps.push({ atMs: this.clock.trueMs, byMs: Math.abs(byMs) });
    this.serverClock.offsetMs = offsetMs;
    if (byMs > 0) this.oracle.setForwardMs = this.clock.trueMs;
  }

  /** Lets faults and requests come by chance from now on. */
  storm(faultEveryMs: number, requestEveryMs: number): void {
    const faults = this.#random.fork();
    const users = this.#random.fork();
    const strike = () => {
      if (this.#healed) return;
      const fault = faults.weighted(FAULTS);
      const what = fault.begin(this, faults);
      if (what !== null) {
        this.faults.set(fault.name, (this.faults.get(fault.name) ?? 0) + 1);
        this.trace.note('FAULT', what);
      }
      if (faults.chance(0.04)) void this.#flood(faults.between(1000, 20_000));
      this.clock.setTimeout(strike, faults.waitMs(faultEveryMs));
    };
    const ask = () => {
      if (this.#healed) return;
      request(this, users);
      this.clock.setTimeout(ask, users.chance(0.15) ? 0 : users.waitMs(requestEveryMs));
    };
    this.clock.setTimeout(strike, faults.waitMs(faultEveryMs));
    this.clock.setTimeout(ask, 0);
  }

  /** More falls due in an outage of the store than is caught up on. */
  async #flood(afterMs: number): Promise<void> {
    const { schedules } = this.user;
    await this.clock.wait(afterMs);
    if (this.#healed) return;
    const flood = await schedules.create('flood', everySpec(10));
    this.oracle.observe(null, 'schedules.create');
    if (flood === 'conflict') return;
    await this.clock.wait(2000);
    const remove = async () => {
      await schedules.remove('flood');
      this.oracle.observe(null, 'schedules.remove');
    };
    if (this.#healed) return await remove();
    this.server.up = false;
    this.breakConnections();
    this.trace.note('FAULT', 'the store is gone for 13 s, while a schedule fires every 10 ms');
    this.later(13_000, () => {
      this.elect(this.#memberOffsetMs);
      void this.clock.wait(4000).then(remove);
    });
  }

  /** No more faults, and no more requests; what is broken is mended. */
  heal(): void {
    this.#healed = true;
    for (const host of this.hosts) host.version = NEWEST_VERSION;
    for (const cure of [...this.#cures]) cure();
    for (const { weather } of this.hosts) Object.assign(weather, FLAWLESS);
    this.trace.note('world', 'is healed');
    for (const process of this.processes()) if (process.version !== NEWEST_VERSION) this.upgrade(process);
  }

  /** The replica is replaced by one of the other version, as in a rolling update or its rollback. */
  upgrade(process: SimProcess, downMs = 0): void {
    const { host } = process;
    if (!this.#healed) host.version = NEWEST_VERSION + 1 - host.version;
    this.trace.note(host.id, `is to be of version ${host.version}`);
    // One that is down or stopping comes back by itself, as what its host says then.
    if (process.state !== 'running') return;
    void process.stop().then(() => this.later(downMs, () => this.boot(host)));
  }

  async run(forMs: number): Promise<void> {
    await this.clock.runUntil(this.clock.trueMs + forMs, () => this.oracle.violation !== null);
  }
}
