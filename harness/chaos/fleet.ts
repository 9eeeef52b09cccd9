/** Three replicas, each with its own route to the store, and all their log lines. */
import { setTimeout as delay } from 'node:timers/promises';
import { MongoRoute } from '../cluster/mongoRoute.ts';
import type { MongoSet } from '../cluster/mongoSet.ts';
import { type Line, ReplicaProcess } from '../cluster/replicas.ts';

const STOP_GRACE_MS = 30_000;
const POLL_EVERY_MS = 100;

/** One attempt of a run, as the replicas' logs show it: the output of the `log` action. */
export interface Execution {
  runId: string;
  attempt: number;
  term: number;
  /** The process: `r2#3` is the third process of r2. */
  life: string;
  /** On this process's monotonic clock. */
  readMs: number;
}

/** One replica, as a sequence of processes. */
export class Slot {
  readonly id: string;
  readonly route: MongoRoute;
  readonly lives: ReplicaProcess[] = [];
  readonly crashes: string[] = [];
  readonly #env: Record<string, string>;
  #mayEnd = false;

  constructor(id: string, route: MongoRoute, env: Record<string, string>) {
    this.id = id;
    this.route = route;
    this.#env = env;
  }

  get life(): ReplicaProcess {
    return this.lives.at(-1) as ReplicaProcess;
  }

  get name(): string {
    return `${this.id}#${this.lives.length}`;
  }

  /** Resolves when it takes requests; it may not have reached the store yet. */
  async start(): Promise<void> {
    const life = await ReplicaProcess.start(this.id, { ...this.#env, MONGO_URI: this.route.uri });
    this.lives.push(life);
    this.#mayEnd = false;
    void life.process.ended.then((how) => {
      if (!this.#mayEnd || how !== 'SIGKILL' && how !== 'exit code 0') {
        this.crashes.push(`${this.name}: ${how}`);
      }
    });
    await life.said((line) => line.msg === 'listening');
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM' || signal === 'SIGKILL') this.#mayEnd = true;
    this.life.process.kill(signal);
  }

  /** After a signal that ends it: starts the next process; resolves when that is a follower. */
  async restart(): Promise<void> {
    await this.life.process.ended;
    await this.start();
    await this.life.said((line) => line.msg === 'now follower');
  }

  async stop(): Promise<void> {
    this.#mayEnd = true;
    await this.life.process.stop(STOP_GRACE_MS);
  }
}

export class Fleet {
  readonly slots: readonly Slot[];

  private constructor(slots: readonly Slot[]) {
    this.slots = slots;
  }

  static async start(set: MongoSet, env: Record<string, string>): Promise<Fleet> {
    const slots = await Promise.all(
      ['r1', 'r2', 'r3'].map(async (id) => new Slot(id, await MongoRoute.to(set), env)),
    );
    await Promise.all(slots.map((slot) => slot.start()));
    return new Fleet(slots);
  }

  /** The replica that has begun the newest term; before the first term, the first replica. */
  leader(): Slot {
    const terms = this.slots.map((slot) => {
      const began = slot.life.lines.findLast((line) => line.msg === 'term began');
      return { slot, term: Number(began?.term ?? 0) };
    });
    return terms.reduce((a, b) => b.term > a.term ? b : a).slot;
  }

  /** Resolves when one of them leads, or has led. */
  async leads(): Promise<void> {
    await Promise.any(this.slots.map(({ life }) => life.said((line) => line.msg === 'leading')));
  }

  /** Resolves when all replicas have prepared the store and read the schedules: each takes writes. */
  async standsBy(): Promise<void> {
    const isReady = (line: Line) => line.msg === 'leading' || line.msg === 'now follower';
    await Promise.all(this.slots.map(({ life }) => life.said(isReady)));
  }

  /** Resolves at the next execution by any replica. */
  async fires(): Promise<void> {
    const fired = (line: Line) => line.msg === 'running schedule';
    await Promise.any(this.slots.map(({ life }) => life.said(fired, life.lines.length)));
  }

  /** Resolves when everything due by `throughMs` (epoch ms) is settled. */
  async passes(throughMs: number): Promise<void> {
    for (;;) {
      const answer = await this.leader().life.json<{ watermark: string }>('/cluster').catch(() => null);
      if (answer?.status === 200 && Date.parse(answer.body.watermark) > throughMs) return;
      await delay(POLL_EVERY_MS);
    }
  }

  /** All their lines, in the order in which they were read. */
  lines(): (Line & { life: string })[] {
    const all = this.slots.flatMap(({ id, lives }) =>
      lives.flatMap(({ lines }, i) => lines.map((line) => ({ ...line, life: `${id}#${i + 1}` })))
    );
    return all.sort((a, b) => a.readMs - b.readMs);
  }

  executions(): Execution[] {
    return this.lines().filter((line) => line.msg === 'running schedule').map((line) => ({
      runId: `${line.run_id}`,
      attempt: Number(line.attempt),
      term: Number(line.term),
      life: line.life,
      readMs: line.readMs,
    }));
  }

  /** Lines of level `error`, and everything on stderr. */
  errors(): string[] {
    const failures = this.lines().filter(({ level }) => level === 'error' || level === 'stderr');
    return failures.map(({ life, msg, error }) => `${life}: ${msg} ${error ?? ''}`);
  }

  crashes(): string[] {
    return this.slots.flatMap((slot) => slot.crashes);
  }

  async stop(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.stop()));
    await Promise.all(this.slots.map((slot) => slot.route.close()));
  }
}
